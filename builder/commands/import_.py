"""The command `import`."""

from __future__ import annotations

from pathlib import Path as FilePath

import click

from builder.commands.shared import MISSING, USAGE, count_noun, stop


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=FilePath))
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=FilePath),
    help="Folder to write the model files into, each in that of its collection. Without it they are printed.",
)  # fmt: skip
def import_(files: tuple[FilePath, ...], output: FilePath | None) -> None:
    """Turn other descriptions of models into model files.

    FILES are drafts of the DLM extension, STAC Items with dlm:, mlm: or ml-model: fields, ONNX and safetensors files,
    and model cards of Hugging Face (README.md). What only a person knows is marked with TODO; what could not be carried
    over is listed at the end of each file. Nothing is overwritten, and nothing is loaded.
    """
    from builder import importing
    from builder.commands.files import write_new
    from builder.output import OutputError
    from builder.weights import MissingExtraError

    for number, file in enumerate(files):
        try:
            draft, text = importing.import_model(file)
            if output is None:
                click.echo(("---\n" if number else "") + text, nl=False)
                continue
            target = output / str(draft.fields.get("collection", "")) / f"{draft.id}.yml"
            write_new(target, text)
            todos = count_noun(sum(note.count("TODO ") for note in draft.notes.values()), "TODO")
            click.echo(f"{target}: {todos}, {count_noun(len(draft.unknown), 'fact')} not carried over.", err=True)
        except (importing.ImportFileError, OutputError) as error:
            stop(USAGE, str(error))
        except MissingExtraError as error:
            stop(MISSING, f"{file}: {error}")
