"""The command `build`."""

from __future__ import annotations

import sys
import time
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
    executor_option,
    find_docs,
    format_option,
    jobs_option,
    need_folder,
    need_url,
    open_workers,
    quiet_option,
    report_findings,
    show_progress,
    source_argument,
    stop,
    strict_option,
)


@click.command()
@source_argument
@click.option(
    "-o", "--output", default="site", show_default=True, type=click.Path(path_type=FilePath), help="Folder of the site."
)
@base_url_option
@strict_option
@click.option("--no-docs", is_flag=True, help="Leave the documentation out.")
@click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=FilePath),
    help="Folder of templates of your own.",
)
@jobs_option
@executor_option
@format_option
@quiet_option
def build(
    source: FilePath, output: FilePath, base_url: str | None, strict: bool, no_docs: bool, templates: FilePath | None,
    jobs: int | None, executor: str | None, form: str, quiet: bool,
) -> None:  # fmt: skip
    """Build the catalog of SOURCE (default: catalog_src) into a static site."""
    from builder import pipeline
    from builder.exporters import MissingExtraError
    from builder.output import OutputError
    from builder.templates import TemplatesError

    started = time.monotonic()
    need_folder(source)
    need_url(base_url)
    if output.resolve().is_relative_to(source.resolve()):
        stop(USAGE, f"the site cannot lie inside its source: {output} is in {source}; choose another --output")
    settings = pipeline.Settings(source, base_url, templates, None if no_docs else find_docs(source), strict)
    try:
        with show_progress(quiet) as progress, open_workers(jobs, executor) as workers:
            result = pipeline.build(settings, progress, workers, output)
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
    report_findings(result, form, quiet, started, outcome, notes=False)
    if published is not None and not quiet and form == "text":
        click.echo(f"Open {output / 'index.html'} in a browser.", err=True)
    sys.exit(ERRORS if result.failed else NOTHING if result.library is None else OK)
