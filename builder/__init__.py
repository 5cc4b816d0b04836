"""dlm-catalog: a directory of model files in YAML becomes a validated static STAC catalog with model cards.

Reading order: `pipeline` is the whole build on one screen. Then a file is a stage: `source` reads, `authoring` brings
what was read into one form, `model` types it, `check` holds it against the schema and `rules`, `stac` converts it,
`catalog` gathers, `site` renders, `output` writes. `dlm` is the STAC extension and stands on its own.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # to importing `typing`, which takes longer than telling the version
if TYPE_CHECKING:
    from builder.registry import Registry

__version__ = "0.1.0"
GENERATOR = f"dlm-catalog {__version__}"
"""What the output names as its maker."""


def open(location: str | os.PathLike[str]) -> Registry:  # noqa: A001  `builder.open` is its name
    """The models of a published catalog, to search among: `builder.open("site").search(task="classification")`.

    `location` is the folder of a site, its models.json, or the address of either. Only an address opens a connection.
    Raises `builder.registry.RegistryError`, whose message says what is wrong.
    """
    from builder.registry import read_registry

    return read_registry(location)
