"""The command `check`."""

from __future__ import annotations

import sys
import textwrap
import time
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import click

from builder.commands.shared import (
    ERRORS,
    INTERRUPTED,
    NOTHING,
    OK,
    USAGE,
    base_url_option,
    count_noun,
    executor_option,
    format_option,
    jobs_option,
    need_folder,
    need_url,
    open_workers,
    quiet_option,
    report_findings,
    show_progress,
    stop,
    strict_option,
)

if TYPE_CHECKING:
    from builder.diagnostic import Diagnostic


@click.command()
@click.argument("sources", nargs=-1, type=click.Path(path_type=FilePath))
@base_url_option
@strict_option
@jobs_option
@executor_option
@format_option
@quiet_option
@click.option("--fix", is_flag=True, help="Make the safe fixes in the files first.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and stop.")
@click.option(
    "--against", metavar="NAME",
    help="Also find breaking changes since NAME, a revision of git or a folder, that no new version announces.",
)  # fmt: skip
@click.option("--explain", metavar="RULE", help="Explain a rule and stop.")
def check(
    sources: tuple[FilePath, ...], base_url: str | None, strict: bool, jobs: int | None, executor: str | None,
    form: str, quiet: bool, fix: bool, diff: bool, against: str | None, explain: str | None,
) -> None:  # fmt: skip
    """Check SOURCES, folders or single model files (default: catalog_src).

    Nothing is written but the files that --fix mends.
    """
    if explain is not None:
        _explain(explain)
        return
    from builder import pipeline
    from builder.diagnostic import sort_diagnostics

    started = time.monotonic()
    need_url(base_url)
    if fix or diff:
        _fix(sources or (FilePath("catalog_src"),), diff, quiet)
    results = []
    for source in sources or (FilePath("catalog_src"),):
        if against is not None:
            results.append(pipeline.Build(0, _breaks(against, source)))
        if source.is_file():
            results.append(pipeline.check_file(source))
            continue
        need_folder(source)
        try:
            with show_progress(quiet) as progress, open_workers(jobs, executor) as workers:
                results.append(pipeline.check(pipeline.Settings(source, base_url), progress, workers))
        except KeyboardInterrupt:
            stop(INTERRUPTED, "stopped")
    diagnostics = sort_diagnostics(d for result in results for d in result.diagnostics)
    address = base_url or next((result.base_url for result in results if result.base_url), None)
    models = sum(result.models for result in results)
    whole = pipeline.Build(models, tuple(diagnostics), base_url=address, strict=strict)
    report_findings(whole, form, quiet, started, "", notes=True)
    sys.exit(ERRORS if whole.failed else NOTHING if whole.models == 0 else OK)


def _breaks(earlier: str, source: FilePath) -> tuple[Diagnostic, ...]:
    """The breaking changes without a new version, of a folder or of one file."""
    from builder.against import find_breaks
    from builder.sides import SideError
    from builder.source import find_root, shown_path

    if not source.is_file():
        need_folder(source)
    try:
        found = find_breaks(earlier, find_root(source) if source.is_file() else source)
    except SideError as error:
        stop(USAGE, str(error))
    shown = shown_path(source)
    return tuple(d for d in found if source.is_dir() or d.span.file == shown)


def _fix(sources: tuple[FilePath, ...], diff: bool, quiet: bool) -> None:
    """Makes the safe fixes; with `diff`, shows them instead and stops, with exit code 1 when there are any."""
    from builder import mend, report
    from builder.commands.files import replace_text
    from builder.output import OutputError

    for source in sources:
        if not source.is_file():
            need_folder(source)
    fixed = mend.fix(sources)
    if diff:
        for one in fixed:
            click.echo(report.format_diff(one.shown, one.before, one.after), nl=False)
        sys.exit(ERRORS if fixed else OK)
    try:
        replace_text({FilePath(one.shown): one.after for one in fixed})
    except OutputError as error:
        stop(USAGE, str(error))
    if not quiet:
        click.echo(f"{count_noun(len(fixed), 'file')} mended.", err=True)


def _explain(name: str) -> None:
    from builder.rules import RULES, example, suggest_rules

    rule = RULES.get(name)
    if rule is None:
        stop(USAGE, f"there is no rule {name}; {suggest_rules(name)}")
    else:
        click.echo(f"{rule.id} ({rule.severity})\n\n{rule.documentation}")
        for title, text in (("Wrong:", example(name, "bad")), ("Right:", example(name, "good"))):
            if text:
                click.echo(f"\n{title}\n\n{textwrap.indent(text, '    ')}", nl=False)
