"""The Item with MLM, and what is lost on the way: the form for clients of DLM's successor."""

from __future__ import annotations

from collections.abc import Sequence

from builder.catalog import CatalogInfo, Entry
from builder.exporters.form import Export
from builder.mlm import PREFIX, to_mlm, without_derived
from builder.output import Artifact, to_json


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:  # noqa: ARG001  the signature of the family
    """The Item of each model that can be said in MLM."""
    artifacts: list[Artifact] = []
    notes: list[str] = []
    losses: list[str] = []
    for entry in entries:
        plain = {**entry.item, "properties": without_derived(entry.item["properties"], entry.model)}
        made = to_mlm(entry.model, plain)
        notes += made.notes
        losses += map(str, made.losses)
        if any(key.startswith(PREFIX) for key in entry.item["properties"]):
            artifacts.append(Artifact(entry.href, to_json(entry.item)))
    return Export(tuple(artifacts), tuple(notes), tuple(losses))
