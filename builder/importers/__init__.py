"""Other descriptions of models, read into drafts of model files. Each kind is a module with `KIND`, what it reads, and
`read`, which gives the draft of a file, or None for a file of another kind.

To add one, write its module and put it into `KINDS`.
"""

from __future__ import annotations

from pathlib import Path as FilePath

from builder.importers import dlm, huggingface, ml_model, mlm, weights_file
from builder.importers.draft import Draft, Given, ImportFileError
from builder.importers.yaml_text import to_yaml

KINDS = (mlm, dlm, ml_model, huggingface, weights_file)
"""The kinds, in the order in which they are asked whether a file is theirs."""

__all__ = ["KINDS", "Draft", "Given", "ImportFileError", "import_file", "to_yaml"]


def import_file(location: FilePath) -> Draft:
    """The draft of a model file from another description.

    Raises ImportFileError for a file that cannot be read, or of no kind that is known, and MissingExtraError where a
    library is not installed that reads it.
    """
    given = Given(location)
    for kind in KINDS:
        draft: Draft | None = kind.read(given)
        if draft is not None:
            return draft
    kinds = ", ".join(kind.KIND for kind in KINDS)
    raise ImportFileError(f"{location} is none of what can be imported: {kinds}")
