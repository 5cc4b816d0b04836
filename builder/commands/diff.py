"""The command `diff`."""

from __future__ import annotations

import sys
from pathlib import Path as FilePath

import click

from builder.commands.shared import ERRORS, OK, USAGE, stop, use_colour


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option(
    "--source", default="catalog_src", show_default=True, type=click.Path(path_type=FilePath),
    help="The source folder, of which revisions are read, and which stands for NEW where that is left out.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(("text", "markdown", "json", "html")), default="text",
    help="Form of the comparison.",
)  # fmt: skip
@click.option("--exit-code", is_flag=True, help="Exit with 1 when a change is breaking.")
def diff(old: str, new: str | None, source: FilePath, form: str, exit_code: bool) -> None:
    """What changed from OLD to NEW for those who use the models: breaking, compatible, editorial.

    Each is a source folder, a built site, or a revision of git; a folder goes before a revision of the same name.
    """
    from builder import diff as comparison
    from builder import review, sides

    try:
        before, after = sides.read_sides(old, new, source)
    except sides.SideError as error:
        stop(USAGE, str(error))
    changes = comparison.compare(before.side, after.side)
    names = before.side.name, after.side.name
    if form == "html":
        from builder.review_page import render_review
        from builder.templates import read_templates

        click.echo(render_review(changes, before, after, read_templates()), nl=False)
    elif form == "markdown":
        click.echo(review.format_markdown(changes, *names), nl=False)
    elif form == "json":
        click.echo(review.format_json(changes, *names))
    else:
        click.echo(review.format_text(changes, *names, colour=use_colour()), color=True)
    for name in {old, new} - {None}:
        if FilePath(str(name)).is_dir() and sides.is_revision(str(name)):
            click.echo(f"build-catalog: {name} is a folder and a revision of git; the folder was taken", err=True)
    sys.exit(ERRORS if exit_code and comparison.worst(changes) == "breaking" else OK)
