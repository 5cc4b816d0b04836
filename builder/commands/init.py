"""The command `init`."""

from __future__ import annotations

from pathlib import Path as FilePath

import click

from builder.commands.shared import USAGE, count_noun, stop


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=FilePath))
@click.option("--title", help="Title of the registry. Default: made of the name of the folder.")
@click.option("--collection", default="models", show_default=True, help="Id of its first collection.")
@click.option("--model", default="example", show_default=True, help="Id of its first model, an invented one.")
def init(folder: FilePath, title: str | None, collection: str, model: str) -> None:
    """Make a small registry in DIR: settings, a collection, a model with comments, a README, workflows.

    It can be built at once. Nothing is overwritten: where a file is in the way, none is written.
    """
    from builder import scaffold
    from builder.commands.files import write_new
    from builder.output import OutputError

    title = title or folder.resolve().name.replace("-", " ").replace("_", " ").strip().capitalize() or "Models"
    try:
        files = scaffold.to_registry(title, scaffold.check_id("collection", collection), scaffold.check_id("id", model))
        if taken := [path for path in files if (folder / path).exists()]:
            stop(USAGE, f"{folder / taken[0]} exists already; nothing was written")
        for path, text in files.items():
            write_new(folder / path, text)
    except (scaffold.ScaffoldError, OutputError) as error:
        stop(USAGE, str(error))
    click.echo(f"{folder}: {count_noun(len(files), 'file')} written. Next: cd {folder}, then build-catalog", err=True)
