"""Where the batch functions run: in this process, in a pool of processes, or on any `concurrent.futures` executor."""

from __future__ import annotations

import gc
import hashlib
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from builder.program import describe_program

BATCH = 32
"""Models in a batch: enough work to pay for sending it to another process, few enough to keep all of them busy."""
AHEAD = 3
"""Batches for each worker that are handed out before their turn: none has to wait, and few results stand in memory."""
POOL_PAYS = 80
"""Models from which a pool of forked processes is faster than this process alone, see benchmarks/pool.py."""
STARTED_PAYS = 150
"""The same for a pool of processes that are started anew."""

LOOK = 1.0
"""Seconds between two looks whether a result that is waited for will still come."""

T = TypeVar("T")
R = TypeVar("R")


DASK = "dask://"
"""How the address of a Dask scheduler begins."""


class WorkersError(Exception):
    """The work could not be done elsewhere. The message says why and what to do."""


class DaskMissingError(WorkersError):
    """The extra `dask` is not installed."""


@dataclass(frozen=True, slots=True)
class Workers:
    """An executor and how many batches it works on at a time; without one, batches run here, one after the other.

    A library that is smaller than `pays` models is not worth the executor, and is built here, too. `remote` workers do
    not see the files of this machine. `is_lost` tells an error by which the executor says that workers were lost from
    one of the work itself, `is_gone` whether no result will ever come, `give_up` ends what is left of the executor when
    workers were lost, and `advice` is what to do then.
    """

    executor: Executor | None = None
    jobs: int = 1
    pays: int = 0
    remote: bool = False
    is_lost: Callable[[Exception], bool] = lambda error: isinstance(error, BrokenExecutor)
    is_gone: Callable[[], bool] = lambda: False
    give_up: Callable[[], None] = lambda: None
    advice: str = (
        "a worker process ended in the middle of its work, as it does when memory runs out; --jobs 1 needs least"
    )

    def pays_for(self, models: int) -> bool:
        """Whether so many models are worth the executor."""
        return self.executor is not None and models >= self.pays


SERIAL = Workers()


_ENDING = frozenset({signal.SIGINT, signal.SIGTERM})


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every batch of a stage needs, pickled once; a worker unpickles it once, too."""

    digest: str
    data: bytes


def run_batches(
    workers: Workers, function: Callable[..., Sequence[R]], items: Sequence[T], *shared: Any, at_once: bool = False
) -> Iterator[Sequence[R]]:
    """What `function(batch, *shared)` gives for the items, batch by batch, in their order.

    With an executor, all of these and the results are pickled. With `at_once`, for small results, all batches are
    handed out before the first result is waited for. Raises WorkersError when a worker is lost for good.
    """
    batches = (items[start : start + BATCH] for start in range(0, len(items), BATCH))
    if workers.executor is None or not workers.pays_for(len(items)):
        for batch in batches:
            yield function(batch, *shared)
        return
    data = pickle.dumps(shared, pickle.HIGHEST_PROTOCOL)
    packed = _Shared(hashlib.sha256(data).hexdigest(), data)
    waiting: deque[Future[Sequence[R]]] = deque()
    try:
        for batch in batches:
            with _held_back():
                waiting.append(workers.executor.submit(_work, function, batch, packed))
            if len(waiting) >= AHEAD * workers.jobs and not at_once:
                yield _wait(waiting.popleft(), workers)
        while waiting:
            yield _wait(waiting.popleft(), workers)
    except Exception as error:
        if workers.is_lost(error):
            workers.give_up()
            waiting.clear()  # the executor has told them already, and cancelling would disturb it
            raise WorkersError(workers.advice) from error
        raise
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def _held_back() -> Iterator[None]:
    """Keeps Ctrl-C and SIGTERM waiting: the first batch starts the processes, and what is raised while one is forked
    is printed and forgotten."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(future: Future[R], workers: Workers) -> R:
    """The result, as soon as it is there. Raises WorkersError when it will not come."""
    while not future.done():
        if wait([future], LOOK).not_done and workers.is_gone():
            raise WorkersError(workers.advice)
    return future.result()


_shared: dict[str, tuple[Any, ...]] = {}


def _work(function: Callable[..., Sequence[R]], batch: Sequence[T], packed: _Shared) -> Sequence[R]:
    shared = _shared.get(packed.digest)
    if shared is None:
        shared = pickle.loads(packed.data)  # noqa: S301  it comes from the process that handed out the batch
        _shared.clear()
        _shared[packed.digest] = shared
    return function(batch, *shared)


def count_cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextmanager
def open_pool(jobs: int | None = None) -> Iterator[Workers]:
    """A pool of processes, one for each core unless told otherwise; its processes start with the first batch.

    They are forked from this process where that is safe, and started anew otherwise.
    """
    jobs = jobs or count_cores()
    if jobs == 1:
        yield SERIAL
        return
    context: Any
    pays = STARTED_PAYS
    if sys.platform == "win32":
        jobs = min(jobs, 61)  # the limit of the platform
        context = multiprocessing.get_context("spawn")
    elif _may_fork():
        context, pays = multiprocessing.get_context("fork"), POOL_PAYS
    else:
        context = multiprocessing.get_context("forkserver")
        # Imported once, by the process that the others are forked from.
        context.set_forkserver_preload(["builder.pipeline"])
    pool = ProcessPoolExecutor(jobs, context, _begin)
    try:
        yield Workers(pool, jobs, pays, give_up=partial(_give_up, pool))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _may_fork() -> bool:
    """Whether this process can be doubled: on Linux, without threads, whose locks would stay as they are for ever."""
    return sys.platform == "linux" and threading.active_count() == 1


def _give_up(pool: ProcessPoolExecutor) -> None:
    """Ends a pool that has lost a process, and its other processes with it."""
    # Python before 3.11.5 waits for ever when work that no one takes any more fills the pipe (gh-94777); later ones
    # close the pipe themselves.
    if (queue := getattr(pool, "_call_queue", None)) is not None:
        queue._reader.close()
    pool.shutdown()


def _begin() -> None:
    """Ctrl-C reaches every process of the terminal; the one that handed out the work ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)  # see _held_back
    collect_seldom()


def collect_seldom() -> None:
    """Has Python look for cycles of objects less often: a build makes many objects that stay, and hardly any cycles."""
    gc.set_threshold(1_000_000, 50, 100)


@contextmanager
def open_cluster(address: str) -> Iterator[Workers]:
    """The workers of the Dask cluster whose scheduler is at `dask://host:port`.

    They need this package in the same version, and no shared disk. What a lost worker had not finished, the scheduler
    gives to another one.
    """
    try:
        import distributed as library
    except ImportError as error:
        raise DaskMissingError("--executor needs the extra dask: pip install 'dlm-catalog[dask]'") from error
    distributed: Any = library
    _silence("distributed", "tornado")
    scheduler = address.removeprefix(DASK)
    try:
        client = distributed.Client(f"tcp://{scheduler}", timeout=10, set_as_default=False, name="dlm-catalog")
    except (OSError, ValueError) as error:
        message = f"no Dask scheduler answers at {scheduler}; start one with `dask scheduler`, or leave --executor out"
        raise WorkersError(message) from error
    losses = (distributed.scheduler.KilledWorker, CancelledError, distributed.comm.CommClosedError)

    def is_lost(error: Exception) -> bool:
        # Work that is handed out after the scheduler has gone fails with an error that has no class of its own.
        return isinstance(error, losses) or client.status != "running"

    def is_gone() -> bool:
        # What is handed out while the client looks for its scheduler, in vain, stays undone without an error.
        return str(client.status) in ("closing", "closed")

    advice = f"the Dask cluster at {scheduler} was lost in the middle of the work; see the logs of its workers"
    try:
        _compare_programs(client)
        threads = sum(client.nthreads().values())
        yield Workers(
            client.get_executor(pure=False), threads, remote=True, is_lost=is_lost, is_gone=is_gone, advice=advice
        )
    finally:
        client.close(timeout=5)


def _silence(*libraries: str) -> None:
    """Keeps from standard error what libraries log about lost connections: what counts of it is told as an error."""
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in libraries:
            for handler in logging.getLogger(name).handlers:
                handler.setLevel(logging.CRITICAL)


def _compare_programs(client: Any) -> None:
    """Raises WorkersError unless there are workers, and all of them make the same bytes as this process would."""
    if not client.nthreads():
        raise WorkersError("the Dask cluster has no workers; start some with `dask worker`")
    own = describe_program()
    for worker, other in client.run(describe_program, on_error="return").items():
        if isinstance(other, BaseException):
            raise WorkersError(f"the Dask worker {worker} cannot import dlm-catalog: {other}; install it there")
        if differing := sorted(name for name in own | other if own.get(name) != other.get(name)):
            name = min(differing, key=lambda name: name == "code")
            versions = f"{other.get(name, 'none')[:12]} there, {own.get(name, 'none')[:12]} here"
            raise WorkersError(f"the Dask worker {worker} has another {name}: {versions}; install the same")
