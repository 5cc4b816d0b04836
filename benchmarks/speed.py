"""How fast a build is beside Hugo, MkDocs and a script, all in one run on the same corpus, and what its stages cost.

    pip install 'dlm-catalog[bench]'
    python benchmarks/speed.py                      1,000 and 10,000 models, each program five times
    python benchmarks/speed.py --models 1000 --repeat 3
    python benchmarks/speed.py --page               also writes the tables of docs/performance.md
    python benchmarks/speed.py --only build,hugo    some programs only

The programs run one after another, each in a process of its own, and the round is repeated: a ratio is taken within a
round, where both sides found the same machine, and the median of the rounds is told. Time is wall-clock time of the
whole program; processor time is that of all its processes, and says more where other work runs beside it. Memory is
that of all processes of the program at one moment, shared pages counted once, sampled in a round of its own that is not
timed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import corpus  # noqa: E402  beside this file
import peers  # noqa: E402

from builder.output import Part  # noqa: E402  the checkout's own package

PAGE = ROOT / "docs" / "performance.md"
SCRIPTS = Path(sysconfig.get_path("scripts"))
SLOW = 1000
"""Most models that MkDocs and the script are given: their time grows with the number, and their case is made there."""
EVERY = 0.1
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Program:
    """One row of the table: what is run, where, what must be gone before, and the most models it is given."""

    name: str
    title: str
    command: tuple[str, ...]
    folder: Path
    remove: tuple[Path, ...] = ()
    before: Callable[[], object] = lambda: None
    most: int = 10**9


@dataclass
class Measured:
    """What was measured for one number of models: seconds by program and round, bytes of memory by program."""

    models: int
    processor: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[str, int] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def ratio(self, name: str, to: str) -> float:
        """How many times as long as `to` the program takes, in the median of the rounds."""
        return statistics.median(a / b for a, b in zip(self.seconds[name], self.seconds[to], strict=True))

    def processor_ratio(self, name: str, to: str) -> float:
        """The same for the time of the processors."""
        return statistics.median(a / b for a, b in zip(self.processor[name], self.processor[to], strict=True))


# --- the programs ----------------------------------------------------------------------------------------------------


def programs(work: Path, files: list[Path]) -> list[Program]:
    """The programs in the order of a round, with their projects prepared in the folder."""
    source, site = work / "source", work / "site"
    python, ours = sys.executable, (sys.executable, "-m", "builder.cli")
    build = (*ours, "build", "--quiet", "--no-docs", str(source), "--output", str(site))
    check = (*ours, "check", "--quiet", str(source))
    script = (python, str(ROOT / "benchmarks" / "naive.py"), str(source), str(work / "naive"))
    few = len(files) <= SLOW
    peers.write_hugo(files, work / "hugo")
    for theme in ("mkdocs", "material") if few else ():
        peers.write_mkdocs(files, work / theme, theme)
    changed = files[len(files) // 2]

    before, after = "pretrained: ImageNet\n", "pretrained: ImageNet-1k\n"

    def change() -> None:
        changed.write_text(changed.read_text("utf-8").replace(before, after), "utf-8")

    def restore() -> None:
        changed.write_text(changed.read_text("utf-8").replace(after, before), "utf-8")

    mkdocs = (python, "-m", "mkdocs", "build", "--quiet")
    return [
        Program("build", "`build-catalog`, everything", build, work, (site, *caches(work)), restore),
        Program("again", "… again, nothing changed", build, work),
        Program("one", "… again, one model changed", build, work, (), change),
        Program("check", "`build-catalog check`", check, work, caches(work), restore),
        Program("hugo", "Hugo, plain cards and JSON", (str(SCRIPTS / "hugo"), "--quiet"), work / "hugo",
                (work / "hugo" / "public",)),
        Program("script", "the script", script, work, (work / "naive",), most=SLOW),
        Program("mkdocs", "MkDocs", mkdocs, work / "mkdocs", (work / "mkdocs" / "site",), most=SLOW),
        Program("material", "MkDocs-Material", mkdocs, work / "material", (work / "material" / "site",), most=SLOW),
    ]  # fmt: skip


def caches(work: Path) -> tuple[Path, ...]:
    """Where a build may keep what it found out: removed before a build that shall do everything."""
    return (work / ".dlm-catalog-cache",)


def environment() -> dict[str, str]:
    """The environment of every program: ours is imported from the checkout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HUGO_", "OPENBLAS_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "true"}


def run(program: Program) -> tuple[float, float]:
    """The seconds that one run of the program takes, by the clock and of processors."""
    _prepare(program)
    # S603: the programs are named above.
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(ROOT / "benchmarks" / "timed.py"), *program.command],
        cwd=program.folder, env=environment(), capture_output=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    if told["code"]:
        raise SystemExit(f"{program.name} failed:\n{done.stderr.decode()[-2000:]}")
    return told["seconds"], told["processor"]


def peak_memory(program: Program) -> int:
    """The most memory that all processes of a run have at one moment, in bytes; pages that several share count once."""
    _prepare(program)
    started = psutil.Popen(
        program.command, cwd=program.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0
    while started.poll() is None:
        most = max(most, sum(map(_memory, _family(started.pid))))
        time.sleep(EVERY)
    return most


def _prepare(program: Program) -> None:
    for path in program.remove:
        if path.exists():
            # Aside, not away: for minutes, ext4 looks at every inode that was freed before it makes a new file.
            aside = program.folder / "aside"
            aside.mkdir(exist_ok=True)
            path.rename(aside / f"{len(list(aside.iterdir()))}-{path.name}")
    program.before()


def _family(pid: int) -> Iterable[psutil.Process]:
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return ()


def _memory(process: psutil.Process) -> int:
    """The proportional set size of a process where the system tells it, else what it has resident."""
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.Error:
        return 0


def measure(models: int, rounds: int, only: set[str], say: Callable[[str], object], work: Path) -> Measured:
    """What the programs take for so many models, in an empty folder."""
    measured = Measured(models)
    files = corpus.write_corpus(work / "source", models)
    chosen = [p for p in programs(work, files) if p.most >= models and (not only or p.name in only)]
    measured.titles = {program.name: program.title for program in chosen}
    for number in range(rounds):
        for program in chosen:
            seconds, processor = run(program)
            measured.seconds[program.name].append(seconds)
            measured.processor[program.name].append(processor)
            say(f"{models:,} models, round {number + 1} of {rounds}: {program.name} {seconds:.2f} s")
    for program in chosen:
        measured.memory[program.name] = peak_memory(program)
    return measured


# --- the stages of our build -----------------------------------------------------------------------------------------

# What a stage is called, and the functions that it consists of, as `builder.pipeline` names them.
STAGES = {
    "find and read the files": ("find_source", "to_about"),
    "YAML to data": ("check_model.parse",),
    "canonical form, schema, rules": ("check_model",),
    "STAC Item, with MLM": ("to_item",),
    "the Item against STAC's schemas": ("check_item",),
    "collections, versions, relatives": ("gather_outcomes", "to_statistics"),
    "model card": ("render_card",),
    "deploy files": ("deploy.to_bundle", "deploy.to_artifacts"),
    "other forms: citations, models.json": ("exporters.publish", "exporters.parts"),
    "JSON": ("to_json",),
    "lists, start page, feed, site map": ("page_parts",),
    "search index": ("search_parts",),
    "catalog and collections": ("stac_parts",),
    "compare and write": ("Stage.publish",),
    "batches: packing, versions, local files": ("run_read", "run_render", "run_parts"),
}
REST = "all else"


class Stopwatch:
    """The processor time of functions, without that of other timed functions that they call."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = dict.fromkeys([*STAGES, REST], 0.0)
        self.running = [REST]
        self.since = time.process_time()

    def switch(self) -> None:
        """Counts the time up to now for the stage that is running."""
        now = time.process_time()
        self.taken[self.running[-1]] += now - self.since
        self.since = now

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed; what it gives bit by bit is made at once, and the parts that it gives are timed, too."""

        def part(given: Any) -> Any:
            return replace(given, make=self.timed(stage, given.make)) if isinstance(given, Part) else given

        def call(*arguments: Any, **named: Any) -> Any:
            self.switch()
            self.running.append(stage)
            try:
                result = function(*arguments, **named)
                return [part(given) for given in result] if isinstance(result, Iterator) else result
            finally:
                self.switch()
                self.running.pop()

        return call


def stages(models: int, work: Path) -> dict[str, float]:
    """The milliseconds of processor time per model that each stage of a serial build takes, in this process."""
    import builder.check
    from builder import batches, deploy, exporters, pipeline
    from builder.output import Stage

    named = {"check_model": builder.check, "deploy": deploy, "exporters": exporters, "Stage": Stage}
    with ExitStack() as patches:
        corpus.write_corpus(work / "few", 8)
        corpus.write_corpus(work / "source", models)
        # Once beforehand: what is prepared once for all models counts for none.
        pipeline.build(pipeline.Settings(work / "few"))
        watch = Stopwatch()
        for stage, names in STAGES.items():
            for name in names:
                first, _, last = name.rpartition(".")
                if first:
                    owners: list[Any] = [named[first]]
                else:
                    owners = [module for module in (batches, pipeline) if hasattr(module, last)]
                timed = watch.timed(stage, getattr(owners[0], last))
                for owner in owners:
                    patches.enter_context(mock.patch.object(owner, last, timed))
        watch.since = time.process_time()
        build = pipeline.build(pipeline.Settings(work / "source"), site=work / "site")
        watch.switch()
        if build.published is None:
            raise SystemExit("the corpus has errors")
    return {stage: seconds * 1000 / models for stage, seconds in watch.taken.items()}


# --- tables ----------------------------------------------------------------------------------------------------------


def time_table(measured: Measured) -> str:
    """Seconds by the clock and of processors, each with the ratio to our full build, and memory."""
    rows = ["| Program | Time | To `build-catalog` | Processor time | To `build-catalog` | Memory |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for name, title in measured.titles.items():
        seconds, processor = (statistics.median(times[name]) for times in (measured.seconds, measured.processor))
        ratios = ["", ""]
        if "build" in measured.titles:
            ratios = [f"{ratio(name, 'build'):.2f}" for ratio in (measured.ratio, measured.processor_ratio)]
        memory = f"{measured.memory[name] / 1e6:,.0f} MB"
        rows.append(f"| {title} | {seconds:.2f} s | {ratios[0]} | {processor:.2f} s | {ratios[1]} | {memory} |")
    return "\n".join(rows)


def stage_table(costs: Mapping[str, float]) -> str:
    """Milliseconds of processor time per model by stage."""
    total = sum(costs.values())
    rows = ["| Stage | ms per model | Share |", "| --- | --- | --- |"]
    rows += [f"| {stage} | {cost:.2f} | {cost / total:.0%} |" for stage, cost in costs.items()]
    return "\n".join([*rows, f"| together | {total:.2f} | |"])


def conditions() -> str:
    """On what and with what it was measured."""
    names = ("hugo", "mkdocs", "mkdocs-material", "PyYAML", "jsonschema", "Markdown", "Jinja2", "pystac")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, {versions}."


def rounds_of(number: int) -> str:
    """How often it was measured, and whether the machine had anything else to do."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    rounds = "One round" if number == 1 else f"Median of {number} rounds"
    return f"{rounds}; load of the machine at the end: {load:.1f}, where two programs that work would be 2."


def put(page: str, tables: Mapping[str, str]) -> str:
    """The page with the tables between their marks."""
    for name, table in tables.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = marks.sub(lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", page)  # type: ignore[misc]
    return page


def main() -> int:
    """Runs, prints the tables, and writes them into the page where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, nargs="*", default=[1000, 10000], help="how many, for each table")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    parser.add_argument("--only", default="", help="names of programs, with commas; build, again, one, check, hugo …")
    parser.add_argument("--stages", type=int, default=1000, help="models for the table of stages; 0: none")
    parser.add_argument("--page", action="store_true", help="write the tables into the page of the documentation")
    arguments = parser.parse_args()
    only = set(filter(None, arguments.only.split(",")))
    tables = {}
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        for models in arguments.models:
            work = Path(folder) / str(models)
            measured = measure(models, arguments.repeat, only, lambda text: sys.stderr.write(f"{text}\n"), work)
            tables[f"models-{models}"] = f"{time_table(measured)}\n\n{rounds_of(arguments.repeat)}"
            sys.stdout.write(f"\n{models:,} models\n\n{tables[f'models-{models}']}\n")
        if arguments.stages:
            tables["stages"] = stage_table(stages(arguments.stages, Path(folder) / "stages"))
            sys.stdout.write(f"\nStages, {arguments.stages:,} models, one process\n\n{tables['stages']}\n")
    tables["conditions"] = conditions()
    sys.stdout.write(f"\n{tables['conditions']}\n")
    if arguments.page:
        PAGE.write_text(put(PAGE.read_text("utf-8"), tables), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
