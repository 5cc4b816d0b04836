"""Stage 6, export: other forms of the catalog. Each form is one function, `export(entries, catalog)`.

It gets finished entries (their Items have the links between versions) and gives an `Export`. A form is either one file
for all models, or one beside the card of each; `EXPORTERS` says which, and which of them a build publishes unasked.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from builder import GENERATOR
from builder.catalog import CatalogInfo, Entry
from builder.exporters.form import Export, MissingExtraError
from builder.output import Artifact, Part
from builder.words import ENGLISH, speaking

__all__ = ["EXPORTERS", "OPTIONAL", "Export", "Exporter", "MissingExtraError", "export", "publish"]


@dataclass(frozen=True, slots=True)
class Exporter:
    """A form: the module that makes it, what it is, whether each model has a file of its own, and when a build
    publishes it: always, or only when `exports` of the catalog file names it, or never. `function` makes it."""

    module: str
    what: str
    each: bool = True
    published: str = "asked"
    function: str = "export"


EXPORTERS = {
    "bibtex": Exporter("bibtex", "BibTeX entries", published="always"),
    "card": Exporter("card_md", "the model card in Markdown", published="always"),
    "cff": Exporter("cff", "CITATION.cff", published="always"),
    "huggingface": Exporter("huggingface", "the README.md of a Hugging Face repository", published="never"),
    "jsonld": Exporter("jsonld", "schema.org JSON-LD"),
    "mlm": Exporter("mlm", "the Item with the MLM extension", published="never"),
    "models": Exporter("models_json", "models.json, the index for programs", each=False, published="always"),
    "ndjson": Exporter("ndjson", "Items, one on each line", each=False),
    "parquet": Exporter("geoparquet", "stac-geoparquet", each=False),
    # The build publishes these itself, because the card says which there are.
    **{
        kind: Exporter("deploy", what, published="never", function=kind.replace("-", "_"))
        for kind, what in {
            "docker": "docker run as a script",
            "compose": "a file for Docker Compose",
            "triton": "the configuration for Triton",
            "kserve": "the InferenceService for KServe",
            "request-schema": "the JSON Schema of a request",
            "response-schema": "the JSON Schema of a response",
            "preprocess": "what happens before and after the network, in numpy",
        }.items()
    },
}
"""The forms, by the name that the command and the catalog file give them."""
OPTIONAL = tuple(name for name, exporter in EXPORTERS.items() if exporter.published == "asked")
"""The forms that a build publishes when it is asked to."""


def export(kind: str, entries: Sequence[Entry], catalog: CatalogInfo) -> Export:
    """The models in one form, in English. Raises MissingExtraError where that needs a library that is not installed."""
    exporter = EXPORTERS[kind]
    module = importlib.import_module(f"builder.exporters.{exporter.module}")
    with speaking(ENGLISH):
        made: Export = getattr(module, exporter.function)(entries, catalog)
    return made


def wanted(catalog: CatalogInfo, *, each: bool) -> Iterator[str]:
    """The forms that a build publishes: those that each model has, or those that all have together."""
    for kind, exporter in EXPORTERS.items():
        asked = exporter.published == "asked" and kind in catalog.exports
        if exporter.each == each and (exporter.published == "always" or asked):
            yield kind


def publish(entries: Sequence[Entry], catalog: CatalogInfo) -> Iterable[Artifact]:
    """What a build publishes beside the card of each of these entries."""
    for kind in wanted(catalog, each=True):
        yield from export(kind, entries, catalog).artifacts


def parts(entries: Sequence[Entry], catalog: CatalogInfo, of: str) -> Iterator[Part]:
    """What a build publishes of all entries together, form by form; `of` is a digest of what the entries are."""
    for kind in wanted(catalog, each=False):
        if kind == "models":
            from builder.exporters import models_json

            yield from models_json.parts(entries, catalog)
            continue
        yield Part(f"export {kind}", (GENERATOR, catalog, of), partial(_artifacts, kind, entries, catalog))


def _artifacts(kind: str, entries: Sequence[Entry], catalog: CatalogInfo) -> Iterable[Artifact]:
    return export(kind, entries, catalog).artifacts
