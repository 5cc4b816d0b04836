"""Work in other processes: the same bytes as in one, and what happens when it is stopped or lost."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import psutil
import pytest
from shared import ROOT
from sources import MINIMAL, many, write

from builder import pipeline, workers
from builder.output import Artifact
from builder.pipeline import Settings
from builder.workers import SERIAL, Workers, WorkersError, open_pool, run_batches

GOLDEN = ROOT / "tests" / "golden" / "source"


def start_method(pool: Workers) -> str:
    assert isinstance(pool.executor, ProcessPoolExecutor)
    assert pool.executor._mp_context is not None
    return str(pool.executor._mp_context.get_start_method())


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    """A pool that is not forked from this process: the command's is, where it can be."""
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    with open_pool(2) as opened:
        assert start_method(opened) != "fork"
        yield Workers(opened.executor, opened.jobs)
    waiting.set()
    thread.join()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many(tmp_path_factory.mktemp("large"), 240)


def artifacts_of(source: Path, where: Workers) -> dict[str, object]:
    made = pipeline.build(Settings(source), workers=where)
    assert not made.failed, [d for d in made.diagnostics if d.severity == "error"]
    return {artifact.path: artifact.content for artifact in made.artifacts}


def test_processes_make_the_same_golden_catalog(pool: Workers) -> None:
    assert artifacts_of(GOLDEN, pool) == artifacts_of(GOLDEN, SERIAL)


def test_processes_make_the_same_large_catalog_and_tell_the_same_progress(pool: Workers, large: Path) -> None:
    told: dict[Workers, list[tuple[str, int, int]]] = {SERIAL: [], pool: []}
    made = {
        where: pipeline.build(Settings(large), lambda *state, seen=seen: seen.append(state), where)
        for where, seen in told.items()
    }
    assert made[pool].artifacts == made[SERIAL].artifacts
    assert made[pool].diagnostics == made[SERIAL].diagnostics
    assert told[pool] == told[SERIAL]
    assert {stage: done for stage, done, _ in told[pool]} == {"check": 240, "render": 240}


def test_processes_find_the_same_faults(pool: Workers, tmp_path: Path) -> None:
    write(tmp_path, {"c/a.yml": MINIMAL + "licence: MIT\n", "c/b.yml": "title: [\n", "d/x.bin": b"x"})
    found = [pipeline.check(Settings(tmp_path), workers=where) for where in (SERIAL, pool)]
    assert found[0].failed
    assert found[0].diagnostics == found[1].diagnostics


def test_a_model_may_name_files_of_another_collection(pool: Workers, tmp_path: Path) -> None:
    asset = "assets: {w: {href: '%s/b/w.bin', roles: ['dlm:weights']}}\n"
    files: dict[str, str | bytes] = {"b/b.yml": MINIMAL, "b/w.bin": b"ww"}
    files |= {"a/a.yml": MINIMAL + asset % "..", "c/c.yml": MINIMAL + asset % "%2e%2E"}
    artifacts = artifacts_of(write(tmp_path, files), pool)
    assert artifacts["a/a/w.bin"] == artifacts["c/c/w.bin"] == tmp_path / "b/w.bin"


def test_any_executor_will_do(large: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        assert artifacts_of(large, Workers(threads, 3)) == artifacts_of(large, SERIAL)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is forked")
def test_a_process_without_threads_is_forked_and_makes_the_same(large: Path) -> None:
    program = (
        "import sys, pathlib, pickle; from builder import pipeline; from builder.workers import open_pool\n"
        "with open_pool(2) as pool:\n"
        "    made = pipeline.build(pipeline.Settings(pathlib.Path(sys.argv[1])), workers=pool)\n"
        "    method = pool.executor._mp_context.get_start_method()\n"
        "sys.stdout.buffer.write(pickle.dumps((method, made.artifacts)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(large)], cwd=ROOT, capture_output=True, check=True)
    method, artifacts = pickle.loads(done.stdout)  # noqa: S301  made here
    assert method == "fork"
    assert artifacts == pipeline.build(Settings(large)).artifacts


def test_few_models_stay_in_this_process(tmp_path: Path) -> None:
    write(tmp_path, {"c/a.yml": MINIMAL})
    with open_pool(2) as opened:
        artifacts_of(tmp_path, opened)
        assert opened.executor is not None
        assert not opened.executor._processes  # type: ignore[attr-defined]


def test_one_job_needs_no_process() -> None:
    with open_pool(1) as opened:
        assert opened is SERIAL
    assert workers.count_cores() >= 1


def test_results_come_in_order_and_few_stand_ready() -> None:
    started: list[int] = []

    def double(batch: Sequence[int], factor: int) -> list[int]:
        started.append(batch[0])
        return [number * factor for number in batch]

    with ThreadPoolExecutor(2) as threads:
        results = run_batches(Workers(threads, 2), double, range(workers.BATCH * 20), 2)
        assert next(results)[0] == 0
        time.sleep(0.2)
        assert len(started) == workers.AHEAD * 2
        rest = [number for batch in results for number in batch]
    assert rest == [number * 2 for number in range(workers.BATCH, workers.BATCH * 20)]


def die(batch: Sequence[int]) -> list[int]:
    if batch[0] > 0:
        os._exit(9)
    return list(batch)


def test_a_worker_that_dies_is_told() -> None:
    with open_pool(2) as opened, pytest.raises(WorkersError, match="memory runs out; --jobs 1"):
        list(run_batches(Workers(opened.executor, 2), die, range(1000)))


class Gone(ThreadPoolExecutor):
    """An executor that has lost its workers, and says so with an error that has no class of its own."""

    def submit(self, *_: object, **__: object) -> NoReturn:
        raise Exception("sent after closing")


def test_an_error_of_an_executor_is_told_from_one_of_the_work() -> None:
    with Gone(1) as gone:
        with pytest.raises(WorkersError, match="it is gone"):
            list(run_batches(Workers(gone, is_lost=lambda _: True, advice="it is gone"), list, range(9)))
        with pytest.raises(Exception, match="sent after closing"):
            list(run_batches(Workers(gone), list, range(9)))


def test_a_result_that_will_never_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOOK", 0.01)
    free = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        looks = iter([False, False, True])
        lost = Workers(threads, is_gone=lambda: next(looks), advice="it is gone")
        with pytest.raises(WorkersError, match="it is gone"):
            list(run_batches(lost, lambda batch: [free.wait()] * len(batch), range(9)))
        free.set()
    assert next(looks, None) is None


# --- the command -----------------------------------------------------------------------------------------------------


def kill_worker(process: subprocess.Popen[str]) -> None:
    """Kills one of the processes that do the work: children of the command, or of a server that is such a child."""
    children: list[psutil.Process] = []
    while not children:  # what was read before the build was stopped is in the cache, so rendering starts them
        children = psutil.Process(process.pid).children()
        assert process.poll() is None
    below = [worker for child in children for worker in child.children()]
    (below or children)[0].kill()


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def terminate(process: subprocess.Popen[str]) -> None:
    process.terminate()


def _group_of(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid) if process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, psutil.Error):
        return None


@pytest.mark.parametrize(
    ("stop", "code", "message"),
    [
        (terminate, 130, "build-catalog: stopped; site is as it was"),
        (kill_worker, 2, "build-catalog: a worker process ended in the middle of its work"),
        (press_ctrl_c, 130, "build-catalog: stopped; site is as it was"),
    ],
)
def test_a_build_that_is_stopped_leaves_the_previous_site(
    stop: Callable[[subprocess.Popen[str]], None], code: int, message: str, tmp_path: Path
) -> None:
    pipeline.build(Settings(write(tmp_path / "small", {"c/a.yml": MINIMAL})), site=tmp_path / "site")
    before = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    # So many that a busy machine comes to stop it before it ends.
    many(tmp_path / "source", 1000)
    command = [sys.executable, "-m", "builder.cli", "build", "source", "--jobs", "2", "--no-docs", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, start_new_session=True, stderr=subprocess.PIPE
    )
    try:
        # Until rendering has begun to write beside the site.
        while not list((tmp_path / "site").glob(".build-*")):
            assert process.poll() is None
            time.sleep(0.01)
        stop(process)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, told
    assert told.startswith(message)
    assert told.count("\n") == 1
    # One that ends at this moment is still listed.
    left = [other for other in psutil.process_iter() if _group_of(other) == process.pid]
    assert not psutil.wait_procs(left, timeout=5)[1]
    assert {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()} == before
    assert not list((tmp_path / "site").glob(".build-*"))


def test_the_whole_build_can_be_published_while_it_is_made(large: Path, pool: Workers, tmp_path: Path) -> None:
    made = pipeline.build(Settings(large), workers=pool, site=tmp_path / "site")
    assert made.artifacts == ()
    assert made.published is not None
    expected = pipeline.build(Settings(large)).artifacts
    assert made.published.written == tuple(sorted({*(artifact.path for artifact in expected), "manifest.json"}))
    for artifact in expected:
        assert isinstance(artifact, Artifact)
        assert (tmp_path / "site" / artifact.path).read_bytes() == artifact.content
