"""The files to deploy a model from, one kind at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from builder.catalog import CatalogInfo, Entry
from builder.deploy import FOLDER, KINDS, to_site
from builder.deploy.sheet import Withheld
from builder.exporters.form import Export
from builder.output import Artifact


def _export(kind: str, entries: Sequence[Entry], catalog: CatalogInfo) -> Export:
    """The file of this kind of each model that states enough; the notes say what is inferred, and what is missing."""
    artifacts: list[Artifact] = []
    notes: list[str] = []
    for entry in entries:
        if entry.model.withdrawn:
            notes.append(f"{entry.model.id} is withdrawn")
            continue
        made = KINDS[kind](to_site(entry, catalog.base_url))
        if isinstance(made, Withheld):
            notes += (f"{entry.model.id} does not state {gap.field}: {gap.words}" for gap in made.missing)
        else:
            artifacts.append(Artifact(f"{entry.folder}/{FOLDER}/{made.name}", made.text.encode()))
            notes += (f"{entry.model.id}: {fact}" for fact in made.inferred)
    return Export(tuple(artifacts), tuple(notes))


docker = partial(_export, "docker")
compose = partial(_export, "compose")
triton = partial(_export, "triton")
kserve = partial(_export, "kserve")
request_schema = partial(_export, "request-schema")
response_schema = partial(_export, "response-schema")
preprocess = partial(_export, "preprocess")
