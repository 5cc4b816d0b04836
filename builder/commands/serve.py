"""The command `serve`."""

from __future__ import annotations

import signal
from pathlib import Path as FilePath

import click

from builder.commands.shared import (
    USAGE,
    find_docs,
    jobs_option,
    need_folder,
    no_docs_option,
    open_workers,
    source_argument,
    stop,
    templates_option,
)


@click.command()
@source_argument
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 takes a free one."
)
@no_docs_option
@templates_option
@jobs_option
def serve(source: FilePath, port: int, no_docs: bool, templates: FilePath | None, jobs: int | None) -> None:
    """Show the site of SOURCE (default: catalog_src) on this machine, and build it again when a file changes.

    Pages reload by themselves. What is wrong with a file is shown in the page, above the last good site.
    """
    from builder.pipeline import Settings
    from builder.serve import Preview, ServeError

    need_folder(source)
    docs = None if no_docs else find_docs(source)
    # The address of the preview is no address for others, so links from the top of the host are left out.
    settings = Settings(source.resolve(), None, templates, docs)
    with open_workers(jobs, None) as workers:
        try:
            preview = Preview(settings, port, lambda line: click.echo(line, err=True), workers)
        except ServeError as error:
            stop(USAGE, str(error))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: preview.stop())
        click.echo(f"{preview.address} shows {source}. Stop with Ctrl-C.", err=True)
        preview.run()
    click.echo("Stopped.", err=True)
