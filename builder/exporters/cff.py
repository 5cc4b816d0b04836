"""CITATION.cff, in the Citation File Format 1.2.0: https://github.com/citation-file-format/citation-file-format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from builder.catalog import CatalogInfo, Entry
from builder.exporters.form import Export, is_web, plain_license, plain_words, producers
from builder.importers.yaml_text import to_block
from builder.output import Artifact

_DOI = re.compile(r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;\-\.\(\)\[\]\\]+")
"""The DOIs that the format's schema accepts."""
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:
    """`CITATION.cff` beside each card whose model names who produced it: the format requires authors."""
    artifacts, notes = [], []
    for entry in entries:
        if producers(entry.model):
            text = to_block(to_cff(entry, catalog))
            artifacts.append(Artifact(f"{entry.folder}/CITATION.cff", text.encode()))
        else:
            notes.append(f"{entry.model.id} names no provider with the role producer, and the format requires authors")
    return Export(tuple(artifacts), tuple(notes))


def to_cff(entry: Entry, catalog: CatalogInfo) -> dict[str, Any]:
    """The fields of the file. Publications are named in its message: as references they would need their authors."""
    model = entry.model
    created = str(model.fields.get("created") or "")
    runtime = model.runtime[0] if model.runtime else None
    cited = [model.citation] if model.citation else [p.citation or f"doi:{p.doi}" for p in model.publications]
    message = "Please cite this model" + (": " + " ".join(filter(None, cited)) if cited else " by these facts.")
    fields = {
        "cff-version": "1.2.0",
        "message": " ".join(message.split()),
        "title": model.own_name,
        "authors": [{"name": name} for name in dict.fromkeys(producers(model))],
        "abstract": plain_words(model.description, 1000),
        "version": model.version,
        "date-released": created[:10] if re.match(r"\d{4}-\d\d-\d\d", created) else None,
        "license": plain_license(model),
        "keywords": list(dict.fromkeys(model.keywords)),
        "doi": model.doi if model.doi and _DOI.fullmatch(model.doi) else None,
        "url": f"{catalog.base_url}/{entry.folder}/" if catalog.base_url else None,
        "repository-code": runtime.model_src_url if runtime and is_web(runtime.model_src_url) else None,
        "commit": runtime.model_commit_hash if runtime and _COMMIT.fullmatch(runtime.model_commit_hash or "") else None,
    }
    return {key: value for key, value in fields.items() if value}
