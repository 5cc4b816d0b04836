"""Where the batch functions run: in this process, in a pool of processes, or on any `concurrent.futures` executor."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

BATCH = 32
"""Models in a batch: enough work to pay for sending it to another process, few enough to keep all of them busy."""
AHEAD = 3
"""Batches for each worker that are handed out before their turn: none has to wait, and few results stand in memory."""
POOL_PAYS = 200
"""Models from which a pool of processes is faster than this process alone: see docs/guide/large-catalogs.md."""

T = TypeVar("T")
R = TypeVar("R")


class WorkersError(Exception):
    """The work could not be done elsewhere. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Workers:
    """An executor and how many batches it works on at a time; without one, batches run here, one after the other.

    A library that is smaller than `pays` models is not worth the executor, and is built here, too.
    """

    executor: Executor | None = None
    jobs: int = 1
    pays: int = 0


SERIAL = Workers()


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every batch of a stage needs, pickled once; a worker unpickles it once, too."""

    digest: str
    data: bytes


def run_batches(
    workers: Workers, function: Callable[..., Sequence[R]], items: Sequence[T], *shared: Any
) -> Iterator[Sequence[R]]:
    """What `function(batch, *shared)` gives for the items, batch by batch, in their order.

    With an executor, all of these and the results are pickled. Raises WorkersError when a worker is lost for good.
    """
    batches = (items[start : start + BATCH] for start in range(0, len(items), BATCH))
    if workers.executor is None or len(items) < workers.pays:
        for batch in batches:
            yield function(batch, *shared)
        return
    data = pickle.dumps(shared, pickle.HIGHEST_PROTOCOL)
    packed = _Shared(hashlib.sha256(data).hexdigest(), data)
    waiting: deque[Future[Sequence[R]]] = deque()
    try:
        for batch in batches:
            waiting.append(workers.executor.submit(_work, function, batch, packed))
            if len(waiting) >= AHEAD * workers.jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenExecutor as error:
        message = "a worker process ended in the middle of its work, as it does when memory runs out"
        raise WorkersError(f"{message}; --jobs 1 needs the least") from error
    finally:
        for future in waiting:
            future.cancel()


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

    They are never forked from this process, which may have threads, but started anew, so it is the same on every
    platform.
    """
    jobs = jobs or count_cores()
    if jobs == 1:
        yield SERIAL
        return
    if sys.platform == "win32":
        jobs = min(jobs, 61)  # the limit of the platform
        context: Any = multiprocessing.get_context("spawn")
    else:
        context = multiprocessing.get_context("forkserver")
        # Imported once, by the process that the others are forked from.
        context.set_forkserver_preload(["builder.pipeline"])
    pool = ProcessPoolExecutor(jobs, context, _leave_interrupts)
    try:
        yield Workers(pool, jobs, POOL_PAYS)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal; the one that handed out the work ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
