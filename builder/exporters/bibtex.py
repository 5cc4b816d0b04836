"""BibTeX: the entries that the card shows, as a file. A model that states nothing to cite it by has none."""

from __future__ import annotations

from collections.abc import Sequence

from builder.catalog import CatalogInfo, Entry
from builder.cite import to_bibtex
from builder.exporters.form import Export
from builder.output import Artifact


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:  # noqa: ARG001  the signature of the family
    """`<id>.bib` beside each card whose model can be cited."""
    artifacts, notes = [], []
    for entry in entries:
        if text := to_bibtex(entry.model):
            artifacts.append(Artifact(f"{entry.folder}/{entry.model.id}.bib", f"{text}\n".encode()))
        else:
            notes.append(f"{entry.model.id} states no DOI, citation or publication")
    return Export(tuple(artifacts), tuple(notes))
