"""The command `build`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path as FilePath

import click

from builder.commands.shared import (
    ERRORS,
    INTERRUPTED,
    MISSING,
    NOTHING,
    OK,
    USAGE,
    base_url_option,
    count_noun,
    executor_option,
    find_docs,
    format_option,
    jobs_option,
    need_folder,
    need_url,
    no_docs_option,
    open_workers,
    quiet_option,
    report_findings,
    show_progress,
    source_argument,
    stop,
    strict_option,
    templates_option,
)

FOLDER = ".dlm-catalog-cache"
"""Of the cache; a test holds it together with the one that makes it."""


@click.command()
@source_argument
@click.option(
    "-o", "--output", default="site", show_default=True, type=click.Path(path_type=FilePath), help="Folder of the site."
)
@base_url_option
@strict_option
@no_docs_option
@templates_option
@jobs_option
@executor_option
@click.option("--no-cache", is_flag=True, help=f"Make everything again, and leave {FOLDER} alone.")
@click.option("--explain-cache", is_flag=True, help="Say why a model was made again.")
@format_option
@quiet_option
def build(
    source: FilePath, output: FilePath, base_url: str | None, strict: bool, no_docs: bool, templates: FilePath | None,
    jobs: int | None, executor: str | None, no_cache: bool, explain_cache: bool, form: str, quiet: bool,
) -> None:  # fmt: skip
    """Build the catalog of SOURCE (default: catalog_src) into a static site."""
    from builder import pipeline
    from builder.cache import open_cache
    from builder.exporters import MissingExtraError
    from builder.output import OutputError
    from builder.templates import TemplatesError

    started = time.monotonic()
    need_folder(source)
    need_url(base_url)
    if output.resolve().is_relative_to(source.resolve()):
        stop(USAGE, f"the site cannot lie inside its source: {output} is in {source}; choose another --output")
    settings = pipeline.Settings(source, base_url, templates, None if no_docs else find_docs(source), strict)
    folder = None if no_cache else _find_cache(source, output)
    try:
        with (
            show_progress(quiet) as progress,
            open_workers(jobs, executor) as workers,
            open_cache(folder) if folder else nullcontext() as cache,
        ):
            result = pipeline.build(settings, progress, workers, output, cache)
    except MissingExtraError as error:
        stop(MISSING, str(error))
    except (OutputError, TemplatesError) as error:
        stop(USAGE, str(error))
    except OSError as error:
        stop(USAGE, f"{error.filename or output}: {error.strerror or error}")
    except KeyboardInterrupt:
        stop(INTERRUPTED, f"stopped; {output} is as it was")
    published = result.published
    if published is None:
        outcome = "Nothing was written."
    else:
        outcome = f"{output}: {len(published.written)} files written, {len(published.unchanged)} unchanged"
        outcome += f", {len(published.removed)} removed." if published.removed else "."
    if explain_cache:
        _explain_cache(result.made_again, cache is not None and published is not None)
    report_findings(result, form, quiet, started, outcome, notes=False)
    if published is not None and not quiet and form == "text":
        click.echo(f"Open {output / 'index.html'} in a browser.", err=True)
    sys.exit(ERRORS if result.failed else NOTHING if result.models == 0 else OK)


def _find_cache(source: FilePath, output: FilePath) -> FilePath | None:
    """The folder of the cache, beside the source folder; none where that would be in the site."""
    folder = source.resolve().parent / FOLDER
    return None if folder.is_relative_to(output.resolve()) else folder


def _explain_cache(made_again: Mapping[str, str], used: bool) -> None:
    if not used:
        click.echo("The cache was not used.", err=True)
        return
    for path, why in made_again.items():
        click.echo(f"{path}: made again: {why}", err=True)
    click.echo(f"{count_noun(len(made_again), 'model')} made again.", err=True)
