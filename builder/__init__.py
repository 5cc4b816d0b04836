"""dlm-catalog: a directory of model files in YAML becomes a validated static STAC catalog with model cards.

Reading order: `pipeline` is the whole build on one screen. Then a file is a stage: `source` reads, `authoring` brings
what was read into one form, `model` types it, `check` holds it against the schema and `rules`, `stac` converts it,
`catalog` gathers, `site` renders, `output` writes. `dlm` is the STAC extension and stands on its own.
"""

__version__ = "0.1.0"
GENERATOR = f"dlm-catalog {__version__}"
"""What the output names as its maker."""
