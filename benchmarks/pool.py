"""From how many models on two processes are faster than one: `POOL_PAYS` and `STARTED_PAYS` of builder.workers.

    python benchmarks/pool.py --repeat 7

Prints the time with `--jobs 2` to that with `--jobs 1`, in the median of the rounds, for a build without documentation
and for a check; with processes that are forked, and with such that are started anew (a fork server, as where the
program has threads; Windows, which starts each of them by itself, takes longer).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from corpus import write_corpus

ROOT = Path(__file__).parents[1]
PROGRAM = """
import sys
from builder import workers
workers.POOL_PAYS = workers.STARTED_PAYS = 0
if sys.argv.pop(1) == "started":
    workers._may_fork = lambda: False
from builder.__main__ import main
main()
"""


def main() -> int:
    """Measures, and prints a row for each number of models."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, nargs="*", default=[40, 80, 120, 200, 300])
    parser.add_argument("--repeat", type=int, default=7)
    arguments = parser.parse_args()
    sys.stdout.write("models  build, forked  build, started  check, forked  check, started\n")
    for models in arguments.models:
        ratios = [ratio(models, arguments.repeat, *case) for case in _CASES]
        sys.stdout.write(f"{models:6}" + "".join(f"{value:15.2f}" for value in ratios) + "\n")
        sys.stdout.flush()
    return 0


_CASES = (("build", "forked"), ("build", "started"), ("check", "forked"), ("check", "started"))


def ratio(models: int, repeat: int, command: str, start: str) -> float:
    """The time of two processes to that of one."""
    found = []
    with tempfile.TemporaryDirectory(prefix="pool-") as folder:
        source = Path(folder) / "source"
        write_corpus(source, models)
        for number in range(repeat):
            one, two = (seconds(source, command, start, jobs, Path(folder) / f"{number}-{jobs}") for jobs in (1, 2))
            found.append(two / one)
    return statistics.median(found)


def seconds(source: Path, command: str, start: str, jobs: int, site: Path) -> float:
    """How long the command takes, without a cache."""
    more = ["--no-cache", "--no-docs", "--output", str(site)] if command == "build" else []
    started = time.perf_counter()
    # S603: it is this project's own program.
    subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM, start, command, "--quiet", str(source), "--jobs", str(jobs), *more],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
