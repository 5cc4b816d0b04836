"""The command `export`."""

from __future__ import annotations

import sys
from pathlib import Path as FilePath

import click

from builder.commands.shared import ERRORS, MISSING, USAGE, base_url_option, count_noun, source_argument, stop

KINDS = (
    "bibtex", "card", "cff", "compose", "docker", "huggingface", "jsonld", "kserve", "mlm", "models", "ndjson",
    "parquet", "preprocess", "request-schema", "response-schema", "triton",
)  # fmt: skip


@click.command()
@click.argument("model")
@source_argument
@click.option("--to", "kind", required=True, type=click.Choice(KINDS), help="Form to give.")
@click.option(
    "-o", "--output", type=click.Path(path_type=FilePath),
    help="File to write, or for several files the folder. Without it, one file is printed. Nothing is overwritten.",
)  # fmt: skip
@base_url_option
def export(model: str, source: FilePath, kind: str, output: FilePath | None, base_url: str | None) -> None:
    """Give a model in another form. MODEL is a model file, the id of a model of SOURCE, or a folder for all its models.

    bibtex, cff: to cite it. card: the model card in Markdown. huggingface: the README.md of a repository. jsonld:
    schema.org. mlm: its Item with the MLM extension. models, ndjson, parquet: records, Items on a line each, and Items
    as stac-geoparquet. docker, compose, triton, kserve, request-schema, response-schema, preprocess: the files to
    deploy it from.

    What was filled in, and what has no place in that form, is listed on standard error.
    """
    from builder import exporting
    from builder.commands.files import write_new
    from builder.exporters import MissingExtraError
    from builder.output import OutputError

    try:
        made = exporting.export(model, kind, source, base_url)
    except exporting.ExportError as error:
        stop(ERRORS if error.at_fault else USAGE, str(error))
    except MissingExtraError as error:
        stop(MISSING, str(error))
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    for loss in made.losses:
        click.echo(f"lost: {loss}", err=True)
    contents = {artifact.path: artifact.content for artifact in made.artifacts if isinstance(artifact.content, bytes)}
    if output is None:
        if len(contents) > 1:
            stop(USAGE, f"{kind} is a file for each of {len(contents)} models; name a folder for them with --output")
        (content,) = contents.values()
        if kind == "parquet" and sys.stdout.isatty():
            stop(USAGE, "stac-geoparquet is no text; name a file with --output")
        click.echo(content, nl=False)
        return
    try:
        for path, content in contents.items():
            write_new(output if len(contents) == 1 else output / path, content)
    except OutputError as error:
        stop(USAGE, str(error))
    click.echo(f"{output}: {count_noun(len(contents), 'file')} written.", err=True)
