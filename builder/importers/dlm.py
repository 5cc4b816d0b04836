"""Drafts of DLM, of 2021 and 2023, in YAML or JSON, and STAC Items with `dlm:` fields.

The drafts' spellings are those that model files are read in, too, so most of the work is `builder.authoring`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.authoring import Canonical, to_canonical
from builder.diagnostic import Path
from builder.importers import stac_item
from builder.importers.draft import Draft, Given, list_of, mapping_of, text_of

KIND = "draft of DLM or STAC Item with DLM"
_ITEM_KEYS = frozenset({
    "id", "collection", "bbox", "geometry", "assets", "links", "type", "stac_version", "stac_extensions",
})  # fmt: skip
_NAMES = frozenset({"id", "version", "tag", "model_commit_hash"})
_OPEN_SPAN = {"start_datetime": "1900-01-01T00:00:00Z", "end_datetime": "9999-12-31T23:59:59Z"}


def read(given: Given) -> Draft | None:
    """The draft of a file with `dlm:` fields, at the top or under `properties`."""
    raw = given.data
    if not isinstance(raw, Mapping):
        return None
    properties = mapping_of(raw.get("properties"))
    if not any(key.startswith("dlm:") for key in (*raw, *properties)) or given.document is None:
        return None
    draft = Draft(KIND, {})
    canonical = to_canonical(given.document, f"models/{given.location.stem}.yml")
    item: dict[str, Any] = canonical.data
    _as_written(canonical, item, ())
    stac_item.read_identity({key: raw.get(key) and item.get(key) for key in ("id", "collection")},
                            given.location.stem, draft)  # fmt: skip
    stac_item.read_place(item, draft)
    is_open = all(item.get(key) == value for key, value in _OPEN_SPAN.items())
    draft.fields.update({
        key: value for key, value in item.items() if key not in _ITEM_KEYS and not (is_open and key in _OPEN_SPAN)
    })  # fmt: skip
    if assets := stac_item.read_assets(item.get("assets"), stac_item.base_of(raw), draft):
        draft.fields["assets"] = assets
    # The canonical form has lost the links that say where the Item was published.
    stac_item.read_links({**item, "links": [*_self(raw), *list_of(item.get("links"), dict)]}, draft)
    if text := text_of(draft.fields.get("description")):
        draft.fields["description"] = text.strip()
    for provider in list_of(draft.fields.get("providers"), dict):
        if not provider.get("roles", True):
            del provider["roles"]
    for rule, problem in canonical.problems:
        if rule == "key-duplicate" or (rule == "key-draft" and "provider" in problem.message):
            draft.leave(".".join(str(step) for step in problem.path if step != "written"), problem.message)
    return draft


def _as_written(canonical: Canonical, node: Any, at: Path) -> None:
    """Puts the text that was written in the place of numbers that are names: version 1.10 is not 1.1."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(pairs):
        if key in _NAMES and isinstance(value, (int, float)) and not isinstance(value, bool):
            node[key] = canonical.source_text((*at, key)) or str(value)
        elif not str(key).startswith(("geometry", "bbox")):
            _as_written(canonical, value, (*at, key))


def _self(raw: Mapping[str, Any]) -> list[Any]:
    links = raw.get("links")
    return [link for link in links if mapping_of(link).get("rel") == "self"] if isinstance(links, list) else []
