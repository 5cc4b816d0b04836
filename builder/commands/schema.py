"""The command `schema`."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--source", is_flag=True, help="The schema of a model file, for editors.")
def schema(source: bool) -> None:
    """Print the JSON Schema of the extension, or with --source that of a model file."""
    from builder import schema as schemas

    made = schemas.source_schema() if source else schemas.published(None)[1]
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))
