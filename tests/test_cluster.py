"""A build on a Dask cluster: its scheduler and its workers are processes of their own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from shared import ROOT
from sources import MINIMAL, many, write

from builder import pipeline
from builder.cli import main

LOOPBACK = "127.0.0.1"


@contextmanager
def running(*command: str, log: Path, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended when it is no longer needed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=cwd, env=environment, stdout=stream, stderr=stream
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


class Cluster:
    """A scheduler, and the workers that were started for it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.workers: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        stack.enter_context(
            running(
                "distributed.cli.dask_scheduler", "--host", LOOPBACK, "--port", "0", "--no-dashboard", "--no-show",
                "--scheduler-file", str(file), log=folder / "scheduler.log", cwd=folder,
            )
        )  # fmt: skip
        self.address = ""
        while not self.address:
            time.sleep(0.05)
            if file.exists() and (text := file.read_text()):
                self.address = json.loads(text)["address"]
        self.executor = self.address.replace("tcp://", "dask://")

    def add_worker(self) -> None:
        """Starts a worker in a folder of its own, and waits until the scheduler knows it."""
        folder = self.folder / f"worker-{len(self.workers)}"
        folder.mkdir()
        self.workers.append(
            self.stack.enter_context(
                running(
                    "distributed.cli.dask_worker", self.address, "--host", LOOPBACK, "--no-nanny", "--nthreads", "1",
                    "--no-dashboard", "--local-directory", str(folder), log=folder / "log", cwd=folder,
                )
            )
        )  # fmt: skip
        while b"Registered to" not in (folder / "log").read_bytes():
            assert self.workers[-1].poll() is None, (folder / "log").read_text()
            time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with ExitStack() as stack:
        yield Cluster(folder, stack)


def start_build(source: Path, site: Path, executor: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "builder", "build", str(source), "-o", str(site), "--no-docs"]
    return subprocess.Popen(
        [*command, "--executor", executor], cwd=source.parent, text=True, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def snapshot(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_a_worker_is_killed_in_the_middle_and_the_bytes_are_those_of_one_process(
    cluster: Cluster, tmp_path: Path
) -> None:
    source = many(tmp_path / "source", 240)
    asset = "assets: {w: {href: weights.bin, roles: ['dlm:weights']}}\n"
    write(source, {"c0/local.yml": MINIMAL + asset, "c0/weights.bin": b"w" * 1000})
    pipeline.build(pipeline.Settings(source), site=tmp_path / "serial")
    cluster.add_worker()
    cluster.add_worker()
    process = start_build(source, tmp_path / "cluster-site", cluster.executor)
    # Until rendering has begun to write, so work of both stages is under way.
    while not list((tmp_path / "cluster-site").glob(".build-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    cluster.workers[0].kill()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "in 241 models" in told
    assert snapshot(tmp_path / "cluster-site") == snapshot(tmp_path / "serial")


def test_losing_the_cluster_is_told_and_the_previous_site_stays(cluster: Cluster, tmp_path: Path) -> None:
    small = write(tmp_path / "small", {"c/a.yml": MINIMAL})
    pipeline.build(pipeline.Settings(small), site=tmp_path / "site")
    before = snapshot(tmp_path / "site")
    cluster.add_worker()
    process = start_build(many(tmp_path / "source", 240), tmp_path / "site", cluster.executor,
                          DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")  # fmt: skip
    while not list((tmp_path / "site").glob(".build-*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    cluster.stack.close()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 2, told
    assert re.search(r"^build-catalog: the Dask cluster at 127.0.0.1:\d+ was lost", told, re.MULTILINE), told
    assert "Traceback" not in told
    assert snapshot(tmp_path / "site") == before


def test_a_cluster_without_workers_is_told(cluster: Cluster, tmp_path: Path) -> None:
    process = start_build(write(tmp_path / "small", {"c/a.yml": MINIMAL}), tmp_path / "site", cluster.executor)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (
        2,
        "build-catalog: the Dask cluster has no workers; start some with `dask worker`\n",
    )


def test_a_worker_with_another_version_is_told(cluster: Cluster, tmp_path: Path) -> None:
    """The package of the client is a copy with another version."""
    other = tmp_path / "other"
    for path in (ROOT / "builder").rglob("*"):
        if path.suffix in (".py", ".json"):
            write(other, {path.relative_to(ROOT).as_posix(): path.read_bytes()})
    init = (ROOT / "builder" / "__init__.py").read_text("utf-8")
    write(other, {"builder/__init__.py": re.sub(r'__version__ = ".*"', '__version__ = "9.9.9"', init)})
    cluster.add_worker()
    source = write(tmp_path / "small", {"c/a.yml": MINIMAL})
    process = start_build(source, tmp_path / "site", cluster.executor, PYTHONPATH=str(other))
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2, told
    assert re.fullmatch(
        r"build-catalog: the Dask worker tcp://127.0.0.1:\d+ has another dlm-catalog: 0\.\S+ there, 9.9.9 here; "
        r"install the same\n",
        told,
    ), told
    assert not (tmp_path / "site").exists()


def test_a_scheduler_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        address = f"{LOOPBACK}:{unused.getsockname()[1]}"
        source = write(tmp_path / "small", {"c/a.yml": MINIMAL})
        process = start_build(
            source, tmp_path / "site", f"dask://{address}", DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s"
        )
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2, told
    assert told.startswith(f"build-catalog: no Dask scheduler answers at {address}; "), told
    assert told.count("\n") == 1


@pytest.mark.parametrize("args", [["--executor", "spark://x"], ["--executor", "dask://x:1", "--jobs", "2"]])
def test_an_executor_is_named_by_its_address_alone(args: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["build", str(write(tmp_path, {"c/a.yml": MINIMAL})), *args])
    assert result.exit_code == 2
    assert re.match(r"build-catalog: --executor \S+: (name it as|.* leave --jobs out)", result.stderr)


def test_without_the_extra_its_name_is_told(tmp_path: Path) -> None:
    source = write(tmp_path / "small", {"c/a.yml": MINIMAL})
    # A package of this name that cannot be imported stands before the installed one.
    write(tmp_path / "path", {"distributed/__init__.py": "raise ImportError\n"})
    path = f"{tmp_path / 'path'}{os.pathsep}{ROOT}"
    process = start_build(source, tmp_path / "site", "dask://127.0.0.1:1", PYTHONPATH=path)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (
        4, "build-catalog: --executor needs the extra dask: pip install 'dlm-catalog[dask]'\n",
    )  # fmt: skip
