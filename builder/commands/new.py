"""The command `new`."""

from __future__ import annotations

import sys
from pathlib import Path as FilePath

import click

from builder.commands.shared import USAGE, source_argument, stop

# What is asked for at a terminal, with the words of the question.
_QUESTIONS = {
    "title": "Title",
    "description": "What it does, and on which imagery",
    "license": "License (an identifier from https://spdx.org/licenses)",
    "dlm:outputs.task": "Task (such as semantic segmentation)",
}


@click.command()
@click.argument("id_", metavar="ID")
@source_argument
@click.option("--collection", help="Collection of the model. Default: the only one there is.")
@click.option("--title", help="Short name of the model.")
@click.option("--description", help="What it does, and on which imagery.")
@click.option("--license", "license_", metavar="SPDX", help="License of the model.")
@click.option("--task", help="Task of the model, such as “semantic segmentation”.")
@click.option("--framework", help="Software that runs it, such as PyTorch.")
@click.option("--platform", help="Satellite or aircraft that took the imagery.")
@click.option("--gsd", type=float, help="Ground sample distance of the imagery, in metres.")
@click.option("--weights", metavar="HREF", help="URL of the weights, or a path beside the model file.")
@click.option("--no-input", is_flag=True, help="Ask nothing.")
def new(
    id_: str, source: FilePath, collection: str | None, title: str | None, description: str | None,
    license_: str | None, task: str | None, framework: str | None, platform: str | None, gsd: float | None,
    weights: str | None, no_input: bool,
) -> None:  # fmt: skip
    """Write a model file for the model ID below SOURCE (default: catalog_src), with what can be stated as comments.

    At a terminal it asks for what the options leave open; an empty answer leaves it open, too. Nothing is overwritten.
    """
    from builder import scaffold
    from builder.commands.files import replace_text, write_new
    from builder.output import OutputError

    facts: dict[str, object] = {
        "title": title, "description": description, "license": license_, "platform": platform, "gsd": gsd,
        "dlm:outputs.task": task, "dlm:runtime.framework": framework,
        "assets": {"weights": {"href": weights, "roles": ["weights"]}} if weights else None,
    }  # fmt: skip
    try:
        scaffold.check_id("id", id_)
        folder = scaffold.check_id("collection", collection or _only_collection(source))
        target = source / folder / f"{id_}.yml"
        if target.exists():
            stop(USAGE, f"{target} exists already and is left as it is")
        if sys.stdin.isatty() and not no_input:
            for key, question in _QUESTIONS.items():
                facts[key] = facts[key] or click.prompt(question, default="", show_default=False, err=True)
        write_new(target, scaffold.to_model_text(facts))
        editors = source / scaffold.SCHEMA_FILE
        if editors.exists():
            replace_text({editors: scaffold.to_schema_text()})
        else:
            write_new(editors, scaffold.to_schema_text())
    except (scaffold.ScaffoldError, OutputError) as error:
        stop(USAGE, str(error))
    click.echo(f"{target} is there. Fill it in, then: build-catalog check {target}", err=True)


def _only_collection(source: FilePath) -> str:
    """The name of the one folder in the source folder."""
    found = [path.name for path in source.iterdir() if path.is_dir()] if source.is_dir() else []
    names = sorted(name for name in found if not name.startswith((".", "_")))
    if len(names) != 1:
        which = f"there are {', '.join(names[:5])}{' …' if len(names) > 5 else ''}" if names else "there is none yet"
        stop(USAGE, f"which collection? {which}; name one with --collection")
    return names[0]
