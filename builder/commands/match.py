"""The command `match`."""

from __future__ import annotations

import json
import sys
from pathlib import Path as FilePath

import click

from builder.commands.shared import ERRORS, OK, USAGE, source_argument, stop


@click.command()
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=FilePath))
@source_argument
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
        stop(USAGE, str(error))
    results = matching.match(records, imagery)
    shown = [result for result in results if everything or result["verdict"] != "no"]
    if form == "json":
        click.echo(json.dumps({"imagery": imagery, "models": shown}, indent=2, ensure_ascii=False))
    else:
        click.echo(matching.format_text(imagery, shown, len(results)))
    sys.exit(OK if any(result["verdict"] in ("fits", "possible") for result in results) else ERRORS)
