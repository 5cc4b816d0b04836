"""What an Item says of its model: its facts, without what the build adds to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from builder.authoring import STRUCTURAL_RELS
from builder.mlm import CONTAINER_TYPE, PREFIX
from builder.model import CARD_ASSET
from builder.stac import OPEN_END, OPEN_START, VERSION_RELS, WORLD_BBOX, bbox_of, doi_url, geometry_of

_COMPUTED_RELS = STRUCTURAL_RELS.union(VERSION_RELS)


def to_facts(item: Mapping[str, Any]) -> dict[str, Any]:
    """What an Item says of its model, without what the build adds: derived fields, computed links, the world where no
    place is stated and the open span where no time is."""
    facts = dict(item["properties"])
    if "mlm:name" in facts and any("mlm:artifact_type" in asset for asset in _assets(item).values()):
        facts = {key: value for key, value in facts.items() if not key.startswith(PREFIX)}
        if "process_level" in json.dumps(facts.get("dlm:data")):
            facts.pop("processing:level", None)
    if facts.get("datetime") is None:
        facts.pop("datetime", None)
        for key, value in (("start_datetime", OPEN_START), ("end_datetime", OPEN_END)):
            if facts.get(key) == value:
                del facts[key]
    facts |= _place(item)
    if assets := {key: _asset(asset, facts) for key, asset in _assets(item).items() if not _is_made(key, asset)}:
        facts["assets"] = assets
    if links := _links(item, facts):
        facts["links"] = links
    return facts


def _place(item: Mapping[str, Any]) -> dict[str, Any]:
    geometry, bbox = item.get("geometry"), item.get("bbox")
    if not isinstance(geometry, Mapping):
        return {"bbox": bbox} if bbox else {}
    if bbox and geometry == geometry_of(bbox):
        return {} if tuple(bbox) == WORLD_BBOX else {"bbox": list(bbox)}
    return {"geometry": dict(geometry)} | ({} if not bbox or bbox == bbox_of(geometry) else {"bbox": list(bbox)})


def _assets(item: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    assets = item.get("assets")
    return {k: v for k, v in assets.items() if isinstance(v, Mapping)} if isinstance(assets, Mapping) else {}


def _is_made(key: str, asset: Mapping[str, Any]) -> bool:
    """Whether an asset is one that the build adds: the card, and what MLM says of source code and container."""
    about = {name: value for name, value in asset.items() if not name.startswith(PREFIX) and name != "href"}
    source = {"type": "text/html", "title": "Source code", "roles": ["code"]}
    container = {"type": CONTAINER_TYPE, "title": "Container image", "roles": ["runtime"]}
    return key == CARD_ASSET or about in (source, container)


def _asset(asset: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in asset.items() if not key.startswith(PREFIX)}
    if roles := [role for role in asset.get("roles", ()) if not str(role).startswith(PREFIX)]:
        made["roles"] = roles
    names = [{"name": band.get("name")} for band in facts.get("eo:bands", ()) if isinstance(band, Mapping)]
    if made.get("eo:bands") in (names, facts.get("eo:bands")):
        made.pop("eo:bands", None)
    return made


def _links(item: Mapping[str, Any], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The links that the author gave; a version is named by its id, however its file is called."""
    data = facts.get("dlm:data")
    examples = [one.get("url") for entry in (data if isinstance(data, list) else [data or {}])
                for one in entry.get("item_examples", ())]  # fmt: skip
    dois = [facts.get("sci:doi"), *(p.get("doi") for p in facts.get("sci:publications", ()))]
    derived = {("example", url) for url in examples} | {("cite-as", doi_url(doi)) for doi in dois if doi}
    made = []
    for link in item.get("links", ()):
        rel, href = link.get("rel"), str(link.get("href"))
        if rel in _COMPUTED_RELS or (rel, href) in derived or (rel == "alternate" and href == "./index.html"):
            continue
        if rel == "related" and str(link.get("title", "")).startswith("Replacement"):
            continue
        made.append(dict(link))
    return made
