"""How long the preview takes from a saved change to the page that shows it.

    python benchmarks/preview.py --models 1000 --repeat 10

A preview of made-up models is started as people start it, `build-catalog serve`. Then the description of one model
after another is changed, and the time runs from the moment before the file is written to that in which the page of the
preview, which waits for a change as an open page does, is told to reload and has got the new card.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from corpus import write_corpus

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Measures, and prints every time and their median."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        files = write_corpus(Path(folder) / "source", arguments.models)
        command = [sys.executable, "-m", "builder", "serve", str(Path(folder) / "source"), "--port", "0", "--no-docs"]
        started = time.perf_counter()
        # S603: it is this project's own program.
        with subprocess.Popen(  # noqa: S603
            command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
        ) as preview:
            try:
                address = _told(preview, r"(http://127\.0\.0\.1:\d+)/ shows")
                _told(preview, r"(\d+) models built")
                sys.stdout.write(f"{arguments.models:,} models, first build: {time.perf_counter() - started:.1f} s\n")
                times = [
                    measure(file, address, number)
                    for number, file in enumerate(files[:: len(files) // arguments.repeat])
                ]
            finally:
                preview.terminate()
    shown = ", ".join(f"{seconds:.2f}" for seconds in times)
    sys.stdout.write(f"from change to page: median {statistics.median(times):.2f} s ({shown})\n")
    return 0


def measure(file: Path, address: str, number: int) -> float:
    """The seconds until the preview has a change of a model, and its card shows it."""
    card = f"{address}/{file.parent.name}/{file.stem}/index.html"
    seen = re.search(r'data-seen="(\d+)"', _get(card))
    assert seen  # noqa: S101  the preview writes it into each page
    text = file.read_text("utf-8")
    started = time.perf_counter()
    file.write_text(text.replace("description: |-\n  ", f"description: |-\n  Change number {number}. ", 1), "utf-8")
    while f"({seen[1]})" in _get(f"{address}/-/wait.js?seen={seen[1]}"):
        pass
    if f"Change number {number}" not in _get(card):
        raise SystemExit(f"the change of {file} is not shown")
    return time.perf_counter() - started


def _get(address: str) -> str:
    with urllib.request.urlopen(address) as answer:  # noqa: S310  of the preview
        return str(answer.read().decode())


def _told(preview: subprocess.Popen[str], pattern: str) -> str:
    assert preview.stderr is not None  # noqa: S101  it was asked for
    for line in preview.stderr:
        if match := re.search(pattern, line):
            return match[1]
    raise SystemExit("the preview has ended")


if __name__ == "__main__":
    sys.exit(main())
