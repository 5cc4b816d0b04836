"""The command `import`."""

from __future__ import annotations

from pathlib import Path as FilePath

import click

from builder.commands.shared import USAGE, count_noun, stop


@click.command("import")
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
            click.echo(f"{target}: {count_noun(len(draft.unknown), 'fact')} not carried over.", err=True)
        except (importers.ImportFileError, OutputError) as error:
            stop(USAGE, str(error))
