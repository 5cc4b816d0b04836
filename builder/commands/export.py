"""The command `export`."""

from __future__ import annotations

from pathlib import Path as FilePath

import click

from builder.commands.shared import ERRORS, USAGE, source_argument, stop


@click.command()
@click.argument("model")
@source_argument
@click.option("--to", "kind", required=True, type=click.Choice(("mlm",)), help="Form to give.")
def export(model: str, source: FilePath, kind: str) -> None:
    """Print MODEL, a model file or the id of a model of SOURCE, in another form: mlm, its Item with the MLM extension.

    What has no place in that form is listed on standard error.
    """
    from builder import exporting

    try:
        exported = exporting.export(model, kind, source)
    except exporting.ExportError as error:
        stop(ERRORS if error.at_fault else USAGE, str(error))
    for note in exported.notes:
        click.echo(f"note: {note}", err=True)
    for loss in exported.losses:
        click.echo(f"lost: {loss}", err=True)
    click.echo(exported.text, nl=False)
