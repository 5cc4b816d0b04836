"""Runs a command to its end and prints, as JSON, its seconds by the clock and those of the processors.

    python benchmarks/timed.py COMMAND [ARGUMENT …]

A process of its own, because it waits for every process that the command leaves behind, such as those of a pool, and
whoever calls it may have other children.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time


def adopt_orphans() -> None:
    """Makes processes whose parent has ended children of this one, so that their time counts: a pool's are such.

    Linux only; elsewhere the processor time of a build leaves its pool out.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER of linux/prctl.h


def main() -> None:
    """Runs what the command line says; what the command prints goes to standard error."""
    adopt_orphans()
    started = time.perf_counter()
    # S603: the caller names the command.
    code = subprocess.run(sys.argv[1:], stdout=sys.stderr, check=False).returncode  # noqa: S603
    seconds = time.perf_counter() - started
    while True:  # the server of a pool ends a moment after its program
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stdout.write(json.dumps({"code": code, "seconds": seconds, "processor": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
