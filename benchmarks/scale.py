"""What a catalog of many models costs: one build of made-up models, and what the site then consists of.

    python benchmarks/scale.py FOLDER --models 10000 100000

needs about 200 kB of disk for each model. For every number it prints the time that the build took, the processor time
and the memory of all its processes, the files and bytes of the site, its largest pages, and the scripts of the start
page. Other work on the machine lengthens the time, and the processor time hardly.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
from corpus import write_corpus

ROOT = Path(__file__).parents[1]
EVERY = 1.0
"""Seconds between two looks at the processes."""


def measure_build(source: Path, site: Path) -> dict[str, float]:
    """The seconds, the processor seconds and the bytes of memory at their most of a build."""
    command = [sys.executable, "-m", "builder", "build", str(source), "--output", str(site), "--no-docs", "--no-cache"]
    started = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    build = psutil.Popen(
        [*command, "--base-url", "https://models.example/catalog"], stdout=subprocess.DEVNULL, env=environment
    )
    most, spent = 0, Counter[int]()
    while build.poll() is None:
        memory = 0
        for process in _family(build):
            try:
                times, full = process.cpu_times(), process.memory_full_info()
            except psutil.Error:
                continue
            spent[process.pid] = max(spent[process.pid], int(1000 * (times.user + times.system)))
            # Pages that several processes share count once.
            memory += int(getattr(full, "pss", full.rss))
        most = max(most, memory)
        time.sleep(EVERY)
    if build.returncode:
        raise SystemExit(f"the build of {source} failed")
    return {"seconds": time.perf_counter() - started, "processor": spent.total() / 1000, "memory": most}


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def measure_site(site: Path) -> dict[str, object]:
    """What the site consists of."""
    files, pages = Counter[str](), Counter[str]()
    entries = 0
    for folder, size, path in _walk(site):
        name = path.relative_to(site).as_posix()
        entries = max(entries, folder)
        files[path.suffix] += 1
        files["bytes"] += size
        if path.suffix == ".html":
            pages[name] = size
    scripts = {path.name: len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in site.glob("search/*.js")}
    index = sum(size for name, size in scripts.items() if name.startswith("index-"))
    return {
        "files": files.total() - files["bytes"],
        "bytes": files["bytes"],
        "most entries of a folder": entries,
        "largest pages": dict(pages.most_common(3)),
        "start page": (site / "index.html").stat().st_size,
        "largest list": max((size for name, size in pages.items() if name.startswith("search/")), default=0),
        "largest STAC object": max(path.stat().st_size for path in site.glob("*/collection.json")),
        "models.json": (site / "models.json").stat().st_size,
        "manifest.json": (site / "manifest.json").stat().st_size,
        "gzipped: index.js": scripts["index.js"],
        "gzipped: index-*.js": index,
        "gzipped: words.js": scripts["words.js"],
    }


def _walk(site: Path) -> Iterator[tuple[int, int, Path]]:
    """Every file, with the number of entries of its folder and its size."""
    for folder, folders, names in os.walk(site):
        for name in names:
            path = Path(folder) / name
            yield len(folders) + len(names), path.stat().st_size, path


def main() -> int:
    """Builds and prints, one number of models after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, nargs="+", default=[10_000])
    arguments = parser.parse_args()
    for number in arguments.models:
        source, site = (arguments.folder / f"{kind}-{number}" for kind in ("source", "site"))
        write_corpus(source, number)
        found = {"models": number, **measure_build(source, site), **measure_site(site)}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        sys.stdout.flush()
        for folder in (source, site) if number != max(arguments.models) else (source,):
            shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
