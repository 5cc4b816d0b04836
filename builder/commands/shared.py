"""What the commands share: exit codes, options, and how findings, progress and refusals are shown."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NoReturn

import click

from builder import __version__

if TYPE_CHECKING:
    from builder.diagnostic import Diagnostic
    from builder.pipeline import Build, Progress
    from builder.workers import Workers

OK, ERRORS, USAGE, NOTHING, MISSING = range(5)
INTERRUPTED = 130
FORMATS = ("text", "json", "github", "sarif")

source_argument = click.argument("source", default="catalog_src", type=click.Path(path_type=FilePath))
format_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="Form of the findings."
)
strict_option = click.option("--strict", is_flag=True, help="Warnings fail, too.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print findings only, no progress and no summary.")
jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes that share the work.  [default: one a core]"
)
executor_option = click.option(
    "--executor", metavar="URL", help="Dask scheduler whose workers do the work: dask://host:8786."
)
no_docs_option = click.option("--no-docs", is_flag=True, help="Leave the documentation out.")
templates_option = click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=FilePath),
    help="Folder of templates of your own.",
)
base_url_option = click.option("--base-url", metavar="URL", help="Address the site will have.")


def stop(code: int, message: str) -> NoReturn:
    """Ends the program with a line on standard error."""
    click.echo(f"build-catalog: {message}", err=True)
    sys.exit(code)


def need_folder(source: FilePath) -> None:
    if not source.is_dir():
        what = (
            "is a file; name a folder, or use `build-catalog check` for one file"
            if source.is_file()
            else "does not exist"
        )
        stop(USAGE, f"{source} {what}")


def need_url(base_url: str | None) -> None:
    if base_url is None:
        return
    from builder import schema as schemas

    about = schemas.load(schemas.CATALOG_FILE)["properties"]["base_url"]
    if re.search(about["pattern"], base_url) is None:
        stop(USAGE, f"--base-url {base_url} is not {about['x-expects']}")


def find_docs(source: FilePath) -> FilePath | None:
    """The MkDocs configuration beside the source folder, when it is one of ours: any other is another site."""
    config = source.resolve().parent / "mkdocs.yml"
    if not config.is_file():
        return None
    text = config.read_text("utf-8", "replace")
    return config if re.search(r"^\s*-\s*dlm-catalog\s*$", text, re.MULTILINE) else None


@contextmanager
def open_workers(jobs: int | None, executor: str | None) -> Iterator[Workers]:
    """The workers that the options ask for; what goes wrong with them ends the program with a line."""
    from builder import workers

    if executor is not None and (not executor.startswith(workers.DASK) or jobs is not None):
        hint = "it has its own number of workers, so leave --jobs out" if jobs else "name it as dask://host:8786"
        stop(USAGE, f"--executor {executor}: {hint}")
    workers.collect_seldom()
    try:
        with workers.open_cluster(executor) if executor else workers.open_pool(jobs) as opened:
            yield opened
    except workers.DaskMissingError as error:
        stop(MISSING, str(error))
    except workers.WorkersError as error:
        stop(USAGE, str(error))


def need_extra(extra: str, *libraries: str) -> None:
    """Ends the program with the name of the extra, where one of its libraries is not installed."""
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        stop(MISSING, f"this needs {', '.join(missing)}: pip install 'dlm-catalog[{extra}]'")


def report_findings(result: Build, form: str, quiet: bool, started: float, outcome: str, *, notes: bool) -> None:
    """Prints the findings on standard output and the summary on standard error (in JSON both on standard output)."""
    from builder import diagnostic, report

    counts = diagnostic.count_severities(result.diagnostics)
    files = len({d.span.file for d in result.diagnostics if d.severity != "note"})
    seconds = round(time.monotonic() - started, 1)
    if form == "json":
        plural = {f"{severity}s": number for severity, number in counts.items()}
        summary = {**plural, "models": result.models, "seconds": seconds}
        click.echo(report.format_json(result.diagnostics, summary, result.base_url))
        return
    if form == "sarif":
        from builder.rules import RULES

        rules = {rule.id: rule.summary for rule in RULES.values()}
        click.echo(report.format_sarif(result.diagnostics, rules, __version__, result.base_url))
        return
    # A build is about the site: its notes are for whoever works on the files, and `check` shows them.
    shown: list[Diagnostic] = [d for d in result.diagnostics if notes or d.severity != "note"]
    text = report.format_github(shown) if form == "github" else report.format_text(shown, colour=use_colour())
    if text:
        click.echo(text, color=True)
    if quiet:
        return
    words = [count_noun(counts["error"], "error"), count_noun(counts["warning"], "warning")]
    if counts["note"]:
        words.append(count_noun(counts["note"], "note") + ("" if notes else " (build-catalog check shows them)"))
    where = (
        f" in {files} of {count_noun(result.models, 'model')}" if files else f" in {count_noun(result.models, 'model')}"
    )
    if result.models == 0 and not result.failed:
        outcome = f"There is no model file. {outcome}"
    click.echo(f"{', '.join(words)}{where} ({seconds} s). {outcome}".rstrip(), err=True)


def count_noun(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def use_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class show_progress:  # noqa: N801  used like a function
    """A bar on standard error while a person watches and the work is long enough to see."""

    def __init__(self, quiet: bool, least: int = 200) -> None:
        self.least = least
        self.bar: Any = None
        self.stage = ""
        self.silent = quiet or not sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self._tell

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self.silent or total < self.least:
            return
        if stage != self.stage:
            self._close()
            self.stage = stage
            self.bar = click.progressbar(length=total, label=f"{stage:>8}", file=sys.stderr)
            self.bar.__enter__()
        self.bar.update(done - self.bar.pos)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)
            self.bar = None

    def __exit__(self, *_: object) -> None:
        self._close()
