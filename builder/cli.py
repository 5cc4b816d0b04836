"""The command line: one short function for each command, and the only place that prints and sets exit codes.

Exit codes: 0 clean, 1 the content has errors (with --strict: or warnings), 2 wrong usage or settings, 3 nothing to
build, 4 an optional dependency is missing.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import textwrap
import time
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import click

from builder import __version__

if TYPE_CHECKING:
    from builder.diagnostic import Diagnostic
    from builder.pipeline import Build, Progress

OK, ERRORS, USAGE, NOTHING, MISSING = range(5)
FORMATS = ("text", "json", "github", "sarif")


class _DefaultsToBuild(click.Group):
    """`build-catalog [OPTIONS] [SOURCE]` is `build-catalog build [OPTIONS] [SOURCE]`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h", "--version")):
            args = ["build", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_DefaultsToBuild, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="build-catalog")
def main() -> None:
    """Turn a folder of model files in YAML into a validated static STAC catalog with model cards.

    With no command, the catalog is built, with the options of `build`.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or pipe of another encoding shows `\u2192` where it has no arrow, instead of failing.
            stream.reconfigure(errors="backslashreplace")


_source = click.argument("source", default="catalog_src", type=click.Path(path_type=FilePath))
_format = click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="Form of the findings.")
_strict = click.option("--strict", is_flag=True, help="Warnings fail, too.")
_quiet = click.option("--quiet", "-q", is_flag=True, help="Print findings only, no progress and no summary.")
_base_url = click.option("--base-url", metavar="URL", help="Address the site will have.")


@main.command()
@_source
@click.option(
    "-o", "--output", default="site", show_default=True, type=click.Path(path_type=FilePath), help="Folder of the site."
)
@_base_url
@_strict
@click.option("--no-docs", is_flag=True, help="Leave the documentation out.")
@click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=FilePath),
    help="Folder of templates of your own.",
)
@_format
@_quiet
def build(
    source: FilePath, output: FilePath, base_url: str | None, strict: bool, no_docs: bool, templates: FilePath | None,
    form: str, quiet: bool,
) -> None:  # fmt: skip
    """Build the catalog of SOURCE (default: catalog_src) into a static site."""
    from builder import pipeline
    from builder.output import OutputError, publish
    from builder.templates import TemplatesError

    started = time.monotonic()
    _need_folder(source)
    _need_url(base_url)
    if output.resolve().is_relative_to(source.resolve()):
        _stop(USAGE, f"the site cannot lie inside its source: {output} is in {source}; choose another --output")
    settings = pipeline.Settings(source, base_url, templates, None if no_docs else _find_docs(source))
    try:
        with _progress(quiet) as progress:
            result = pipeline.build(settings, progress)
        failed = _is_failure(result, strict)
        published = None if failed or result.library is None else publish(result.artifacts, output)
    except (OutputError, TemplatesError) as error:
        _stop(USAGE, str(error))
    except OSError as error:
        _stop(USAGE, f"{error.filename or output}: {error.strerror or error}")
    if published is None:
        outcome = "Nothing was written."
    else:
        outcome = f"{output}: {len(published.written)} files written, {len(published.unchanged)} unchanged"
        outcome += f", {len(published.removed)} removed." if published.removed else "."
    _report(result, form, quiet, started, outcome, notes=False)
    if published is not None and not quiet and form == "text":
        click.echo(f"Open {output / 'index.html'} in a browser.", err=True)
    sys.exit(ERRORS if failed else NOTHING if result.library is None else OK)


@main.command()
@click.argument("sources", nargs=-1, type=click.Path(path_type=FilePath))
@_base_url
@_strict
@_format
@_quiet
@click.option("--fix", is_flag=True, help="Make the safe fixes in the files first.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and stop.")
@click.option("--explain", metavar="RULE", help="Explain a rule and stop.")
def check(
    sources: tuple[FilePath, ...], base_url: str | None, strict: bool, form: str, quiet: bool, fix: bool, diff: bool,
    explain: str | None,
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
    _need_url(base_url)
    if fix or diff:
        _fix(sources or (FilePath("catalog_src"),), diff, quiet)
    results = []
    for source in sources or (FilePath("catalog_src"),):
        if source.is_file():
            results.append(pipeline.check_file(source))
            continue
        _need_folder(source)
        with _progress(quiet) as progress:
            results.append(pipeline.check(pipeline.Settings(source, base_url), progress))
    diagnostics = sort_diagnostics(d for result in results for d in result.diagnostics)
    address = base_url or next((result.base_url for result in results if result.base_url), None)
    whole = pipeline.Build(sum(result.models for result in results), tuple(diagnostics), base_url=address)
    _report(whole, form, quiet, started, "", notes=True)
    sys.exit(ERRORS if _is_failure(whole, strict) else NOTHING if whole.models == 0 else OK)


@main.command()
@click.option("--source", is_flag=True, help="The schema of a model file, for editors.")
def schema(source: bool) -> None:
    """Print the JSON Schema of the extension, or with --source that of a model file."""
    from builder import schema as schemas

    made = schemas.source_schema() if source else schemas.published(None)[1]
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))


@main.command()
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=FilePath))
@_source
@click.option("--site", type=click.Path(exists=True, file_okay=False, path_type=FilePath), help="Take a built site.")
@click.option("--task", help="Only models for this task.")
@click.option("--all", "everything", is_flag=True, help="Also list the models that do not fit.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="Form of the result.")
def match(
    image: FilePath, source: FilePath, site: FilePath | None, task: str | None, everything: bool, form: str
) -> None:
    """Which models of SOURCE fit the imagery of a STAC Item or Collection, ranked, with reasons.

    The exit code is 1 when no model fits or possibly fits.
    """
    from builder import matching

    try:
        imagery = matching.read_imagery(image, task)
        records = matching.read_site(site) if site else matching.read_source(source)
    except matching.MatchError as error:
        _stop(USAGE, str(error))
    results = matching.match(records, imagery)
    shown = [result for result in results if everything or result["verdict"] != "no"]
    if form == "json":
        click.echo(json.dumps({"imagery": imagery, "models": shown}, indent=2, ensure_ascii=False))
    else:
        click.echo(matching.format_text(imagery, shown, len(results)))
    sys.exit(OK if any(result["verdict"] in ("fits", "possible") for result in results) else ERRORS)


@main.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=FilePath))
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=FilePath),
    help="Folder to write the model files into, each in that of its collection. Without it they are printed.",
)  # fmt: skip
def import_(files: tuple[FilePath, ...], output: FilePath | None) -> None:
    """Turn other descriptions of models into model files: STAC Items with the MLM extension.

    What could not be carried over is listed at the end of each. Nothing is overwritten.
    """
    from builder import importers
    from builder.output import OutputError, write_new

    for number, file in enumerate(files):
        try:
            draft = importers.import_file(file)
            text = importers.to_yaml(draft, file.name)
            if output is None:
                click.echo(("---\n" if number else "") + text, nl=False)
                continue
            target = output / str(draft.fields.get("collection", "")) / f"{draft.id}.yml"
            write_new(target, text)
            click.echo(f"{target}: {_count(len(draft.unknown), 'fact')} not carried over.", err=True)
        except (importers.ImportFileError, OutputError) as error:
            _stop(USAGE, str(error))


@main.command()
@click.argument("model")
@_source
@click.option("--to", "kind", required=True, type=click.Choice(("mlm",)), help="Form to give.")
def export(model: str, source: FilePath, kind: str) -> None:
    """Print MODEL, a model file or the id of a model of SOURCE, in another form: mlm, its Item with the MLM extension.

    What has no place in that form is listed on standard error.
    """
    from builder import exporting

    try:
        exported = exporting.export(model, kind, source)
    except exporting.ExportError as error:
        _stop(ERRORS if error.at_fault else USAGE, str(error))
    for note in exported.notes:
        click.echo(f"note: {note}", err=True)
    for loss in exported.losses:
        click.echo(f"lost: {loss}", err=True)
    click.echo(exported.text, nl=False)


# --- what the commands share -----------------------------------------------------------------------------------------


def _stop(code: int, message: str) -> None:
    click.echo(f"build-catalog: {message}", err=True)
    sys.exit(code)


def _need_folder(source: FilePath) -> None:
    if not source.is_dir():
        what = (
            "is a file; name a folder, or use `build-catalog check` for one file"
            if source.is_file()
            else "does not exist"
        )
        _stop(USAGE, f"{source} {what}")


def _need_url(base_url: str | None) -> None:
    if base_url is None:
        return
    from builder import schema as schemas

    about = schemas.load(schemas.CATALOG_FILE)["properties"]["base_url"]
    if re.search(about["pattern"], base_url) is None:
        _stop(USAGE, f"--base-url {base_url} is not {about['x-expects']}")


def _find_docs(source: FilePath) -> FilePath | None:
    """The MkDocs configuration beside the source folder, when it is one of ours: any other is another site."""
    config = source.resolve().parent / "mkdocs.yml"
    if not config.is_file():
        return None
    text = config.read_text("utf-8", "replace")
    return config if re.search(r"^\s*-\s*dlm-catalog\s*(:.*)?$", text, re.MULTILINE) else None


def _is_failure(result: Build, strict: bool) -> bool:
    return result.failed or (strict and any(d.severity == "warning" for d in result.diagnostics))


def _fix(sources: tuple[FilePath, ...], diff: bool, quiet: bool) -> None:
    """Makes the safe fixes; with `diff`, shows them instead and stops, with exit code 1 when there are any."""
    from builder import mend, report
    from builder.output import OutputError, replace_text

    for source in sources:
        if not source.is_file():
            _need_folder(source)
    fixed = mend.fix(sources)
    if diff:
        for one in fixed:
            click.echo(report.format_diff(one.shown, one.before, one.after), nl=False)
        sys.exit(ERRORS if fixed else OK)
    try:
        replace_text({FilePath(one.shown): one.after for one in fixed})
    except OutputError as error:
        _stop(USAGE, str(error))
    if not quiet:
        click.echo(f"{_count(len(fixed), 'file')} mended.", err=True)


def _explain(name: str) -> None:
    from builder.rules import RULES, example, suggest_rules

    rule = RULES.get(name)
    if rule is None:
        _stop(USAGE, f"there is no rule {name}; {suggest_rules(name)}")
    else:
        click.echo(f"{rule.id} ({rule.severity})\n\n{rule.documentation}")
        for title, text in (("Wrong:", example(name, "bad")), ("Right:", example(name, "good"))):
            if text:
                click.echo(f"\n{title}\n\n{textwrap.indent(text, '    ')}", nl=False)


def _report(result: Build, form: str, quiet: bool, started: float, outcome: str, *, notes: bool) -> None:
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
    text = report.format_github(shown) if form == "github" else report.format_text(shown, colour=_colour())
    if text:
        click.echo(text, color=True)
    if quiet:
        return
    words = [_count(counts["error"], "error"), _count(counts["warning"], "warning")]
    if counts["note"]:
        words.append(_count(counts["note"], "note") + ("" if notes else " (build-catalog check shows them)"))
    where = f" in {files} of {_count(result.models, 'model')}" if files else f" in {_count(result.models, 'model')}"
    if result.models == 0 and not result.failed:
        outcome = f"There is no model file. {outcome}"
    click.echo(f"{', '.join(words)}{where} ({seconds} s). {outcome}".rstrip(), err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _progress:  # noqa: N801  used like a function
    """A bar on standard error while a person watches and the work is long enough to see."""

    def __init__(self, quiet: bool) -> None:
        self.bar: Any = None
        self.stage = ""
        self.silent = quiet or not sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self._tell

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self.silent or total < 200:
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


if __name__ == "__main__":
    main()
