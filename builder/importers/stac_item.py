"""The parts of an Item that every kind of Item has: its name, its place, its assets and its links."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from builder.importers.draft import Draft, list_of, mapping_of, text_of
from builder.model import CARD_ASSET

_STRUCTURAL = ("self", "root", "parent", "collection", "item", "child", "items")
_RECOMPUTED = re.compile(r"/(?:mlm(?:-extension)?|ml-model|dlm|eo|scientific|version|file)/v[0-9.]+/schema\.json$")


def read_identity(item: Mapping[str, Any], name: str, draft: Draft) -> None:
    """Gives the draft an id and a collection that can stand in an address; `name` is the id where there is none."""
    for key, fallback in (("id", name), ("collection", None)):
        stated = item.get(key)
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", str(stated or fallback or "")).strip("-._")[:100]
        if plain:
            draft.fields[key] = plain
        if stated and plain != stated:
            draft.note((key,) if plain else (), f"The Item has {key} {stated}, which cannot stand in an address.")
    draft.fields.setdefault("id", "model")


def read_place(item: Mapping[str, Any], draft: Draft) -> None:
    """Gives the draft the box or the geometry, where they are degrees and not the whole world."""
    box, geometry = item.get("bbox"), item.get("geometry")
    if box is not None and not _is_box(box):
        draft.leave("bbox", f"{box} is not west, south, east, north in degrees")
        box = None
    if isinstance(geometry, Mapping):
        if not _is_on_earth(geometry.get("coordinates")):
            draft.leave("geometry", "its coordinates are not longitude and latitude in degrees")
        elif not _is_rectangle(geometry, box):
            draft.fields["geometry"] = dict(geometry)
    if box is not None and "geometry" not in draft.fields and list(box) != [-180, -90, 180, 90]:
        draft.fields["bbox"] = list(box)


def base_of(item: Mapping[str, Any]) -> str:
    """Where the Item was published, which its relative references count from; empty where it does not say."""
    for link in list_of(item.get("links"), dict):
        if link.get("rel") == "self" and re.match(r"https?://", str(link.get("href"))):
            return str(link["href"])
    return ""


def read_assets(raw: Any, base: str, draft: Draft) -> dict[str, dict[str, Any]]:
    """The assets as they are, but for what the build writes itself; relative references are made whole from `base`."""
    assets: dict[str, dict[str, Any]] = {}
    for key, asset in mapping_of(raw).items():
        href = text_of(mapping_of(asset).get("href"))
        if href is None or (key == CARD_ASSET and href.removeprefix("./") == "index.html"):
            continue
        name = f"{key}-file" if key == CARD_ASSET else key
        fields = {k: v for k, v in asset.items() if v is not None and not k.startswith("$")}
        roles = fields.pop("roles", ())
        if texts := list_of([roles] if isinstance(roles, str) else roles, str):
            fields["roles"] = texts
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", href) and "runtime" not in fields.get("roles", ()):
            fields["href"] = urljoin(base, href) if base else href
            if not base:
                where = "TODO: the Item does not say where it was published. Give the URL, or put the file here."
                draft.note(("assets", name, "href"), where)
        assets[name] = fields
    return assets


def read_links(item: Mapping[str, Any], draft: Draft) -> None:
    """Gives the draft the links that the build does not write itself, and the extensions that it does not know."""
    base, links = base_of(item), []
    for link in list_of(item.get("links"), dict):
        rel, href = str(link.get("rel")), str(link.get("href"))
        if rel in _STRUCTURAL or (rel == "alternate" and href == "./index.html"):
            continue
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", href):
            if not base:
                draft.leave(f"links: {rel}", f"{href} counts from where the Item was published, which it does not say")
                continue
            href = urljoin(base, href)
        links.append({**link, "href": href})
    if links:
        draft.fields["links"] = links
    named = list_of(item.get("stac_extensions"), str)
    # The drafts named extensions by a word.
    others = [uri for uri in named if "://" in uri and not _RECOMPUTED.search(uri) and "/dl-model/" not in uri]
    if others:
        draft.fields["stac_extensions"] = others


def _is_box(box: Any) -> bool:
    """Whether this is west, south, east, north in degrees, with heights or without."""
    if not isinstance(box, list) or len(box) not in (4, 6) or not all(map(_is_number, box)):
        return False
    half = len(box) // 2
    south, north = box[1], box[half + 1]
    return -90 <= south <= north <= 90 and all(-180 <= box[i] <= 180 for i in (0, half))


def _is_on_earth(coordinates: Any) -> bool:
    """Whether all positions in coordinates are longitude and latitude in degrees."""
    if not isinstance(coordinates, list) or not coordinates:
        return False
    if isinstance(coordinates[0], list):
        return all(map(_is_on_earth, coordinates))
    numbers = all(map(_is_number, coordinates)) and len(coordinates) > 1
    return numbers and abs(coordinates[0]) <= 180 and abs(coordinates[1]) <= 90


def _is_rectangle(geometry: Mapping[str, Any], box: Any) -> bool:
    """Whether a geometry is the polygon of a box without heights."""
    if geometry.get("type") != "Polygon" or not isinstance(box, list) or len(box) != 4:
        return False
    west, south, east, north = box
    corners = [[west, south], [east, south], [east, north], [west, north]]
    rings = geometry["coordinates"]
    ring = rings[0] if len(rings) == 1 and isinstance(rings[0], list) else []
    return len(ring) == 5 and all(position in corners for position in ring) and all(c in ring for c in corners)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
