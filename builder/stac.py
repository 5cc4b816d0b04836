"""Stage 4, convert: a Model to the STAC Item that is published.

Items are plain dicts, ready for JSON. Links between versions need the other models and are added when the catalog is
gathered; everything else about an Item is made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from builder import schema
from builder.mlm import MLM_URI, PREFIX, PROCESSING_URI, Mlm, join, to_mlm
from builder.model import CARD_ASSET, Asset, Model
from builder.source import LocalFile

STAC_VERSION = "1.1.0"
WORLD_BBOX = (-180.0, -90.0, 180.0, 90.0)
# A model whose time is not stated is taken to hold at any time, in the way of the MLM extension's best practices.
OPEN_START, OPEN_END = "1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
# The multihash code of SHA-256 and its length in bytes: https://github.com/multiformats/multihash
SHA256_MULTIHASH = "1220"
VERSION_RELS = ("predecessor-version", "successor-version", "latest-version")

_MEDIA_TYPES = {
    ".onnx": "application/octet-stream; application=onnx",
    ".pt": "application/octet-stream; application=pytorch",
    ".pth": "application/octet-stream; application=pytorch",
    ".safetensors": "application/octet-stream; application=safetensors",
    ".json": "application/json",
    ".yml": "application/yaml",
    ".yaml": "application/yaml",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".zip": "application/zip",
    ".tif": "image/tiff; application=geotiff",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Titles:
    """What Items and pages call the things above them, the extension id they carry, and whether they carry MLM."""

    catalog: str
    collections: Mapping[str, str]
    dlm_uri: str
    mlm: bool = True


def to_datetime(text: str, *, end: bool = False) -> str:
    """The time in UTC, as RFC 3339 with Z; a plain date is its first second, or its last one with `end`.

    A text that is no time in the years 1 to 9999 stays as it is, for the check of the Item to refuse.
    """
    if _DATE.fullmatch(text):
        return f"{text}T23:59:59Z" if end else f"{text}T00:00:00Z"
    try:
        moment = datetime.fromisoformat(text.upper().replace(" ", "T", 1)).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def positions(coordinates: Any) -> Iterable[tuple[float, float]]:
    """Every position in GeoJSON coordinates of any kind, as (longitude, latitude) in degrees."""
    stack = [coordinates]
    while stack:
        item = stack.pop()
        if item and isinstance(item[0], (int, float)):
            yield item[0], item[1]
        else:
            stack.extend(item)


def bbox_of(geometry: Mapping[str, Any]) -> list[float]:
    """The box around a geometry, in degrees; one that touches ±180° from both sides crosses the antimeridian."""
    points = list(positions(geometry["coordinates"]))
    south, north = min(y for _, y in points), max(y for _, y in points)
    if geometry["type"] == "MultiPolygon":
        # RFC 7946, 3.1.9 and 5.2: a footprint across the antimeridian is cut in two there, and its box runs from
        # the part in the east to the part in the west.
        parts = [list(positions(part)) for part in geometry["coordinates"]]
        east = [part for part in parts if max(x for x, _ in part) == 180]
        west = [part for part in parts if min(x for x, _ in part) == -180]
        if east and west and len(east) + len(west) == len(parts) and not any(part in west for part in east):
            return [min(x for part in east for x, _ in part), south, max(x for part in west for x, _ in part), north]
    return [min(x for x, _ in points), south, max(x for x, _ in points), north]


def geometry_of(bbox: Iterable[float]) -> dict[str, Any]:
    """The polygon of a box; two, cut at the antimeridian as RFC 7946 says, where west is greater than east."""
    numbers = list(bbox)
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    west, south, east, north = numbers

    def ring(left: float, right: float) -> list[list[float]]:
        return [[left, south], [right, south], [right, north], [left, north], [left, south]]

    if west <= east:
        return {"type": "Polygon", "coordinates": [ring(west, east)]}
    return {"type": "MultiPolygon", "coordinates": [[ring(west, 180.0)], [ring(-180.0, east)]]}


def doi_url(doi: str) -> str:
    """The address that a DOI resolves at."""
    return f"https://doi.org/{doi}"


def to_item(
    model: Model, titles: Titles, files: Mapping[str, LocalFile], declared: Iterable[str] = ()
) -> dict[str, Any]:
    """The STAC Item of a model, as published, but for the links between versions.

    `files` are the local files by the href that an asset gives; `declared` the extensions that the author names, of
    which those that the builder does not write itself are kept.
    """
    geometry = dict(model.geometry) if model.geometry else geometry_of(model.bbox or WORLD_BBOX)
    bbox = list(model.bbox) or bbox_of(geometry)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": model.id,
        "collection": model.collection,
        "geometry": geometry,
        "bbox": bbox,
        "properties": _properties(model),
        "assets": _assets(model, files),
        "links": _links(model, titles),
    }
    mlm = to_mlm(model, item) if titles.mlm else Mlm()
    item = join(item, mlm)
    if model.withdrawn:
        declared = [uri for uri in declared if "/mlm/" not in uri]
    item["stac_extensions"] = _extensions(item, titles.dlm_uri, declared, mlm)
    return item


def _properties(model: Model) -> dict[str, Any]:
    properties = dict(model.fields)
    if model.withdrawn:
        properties["deprecated"] = True
        withdrawal = dict(properties["dlm:withdrawn"])
        properties["dlm:withdrawn"] = withdrawal | {"since": to_datetime(withdrawal["since"])}
        # MLM's schema requires the weights, which are not offered any more.
        properties = {key: value for key, value in properties.items() if not key.startswith(PREFIX)}
    for key in ("created", "updated", "datetime", "start_datetime"):
        if isinstance(properties.get(key), str):
            properties[key] = to_datetime(properties[key])
    if "end_datetime" in properties:
        properties["end_datetime"] = to_datetime(properties["end_datetime"], end=True)
    if properties.get("datetime") is None:
        properties["datetime"] = None
        # STAC wants both ends of the span where there is no one time.
        properties.setdefault("start_datetime", OPEN_START)
        properties.setdefault("end_datetime", OPEN_END)
    if model.card.sections or model.card.metrics:
        metrics = {"metrics": [_metric(m) for m in model.card.metrics]} if model.card.metrics else {}
        properties["card"] = {**model.card.sections, **metrics}
    return properties


def _metric(metric: Any) -> dict[str, Any]:
    names = ("name", "value", "unit", "dataset", "split", "source")
    return {name: getattr(metric, name) for name in names if getattr(metric, name) is not None}


def _assets(model: Model, files: Mapping[str, LocalFile]) -> dict[str, Any]:
    assets = {asset.key: _asset(asset, files.get(asset.href)) for asset in model.offered_assets}
    assets[CARD_ASSET] = {
        "href": "./index.html",
        "type": "text/html",
        "title": "Model card",
        "roles": ["metadata"],
    }
    if model.bands:
        # EO 1.1 wants `eo:bands` on an asset where it is a property; names are enough to pick the bands by.
        carrier = assets[model.weights.key if model.weights else CARD_ASSET]
        names = [{"name": band.name} for band in model.bands if band.name]
        if names:
            carrier.setdefault("eo:bands", names)
        else:
            carrier.setdefault("eo:bands", model.fields["eo:bands"])
    return assets


def _asset(asset: Asset, local: LocalFile | None) -> dict[str, Any]:
    fields: dict[str, Any] = dict(asset.fields)
    for key in ("created", "updated"):
        if key in fields:
            fields[key] = to_datetime(fields[key])
    if local is not None:
        fields["href"] = "./" + quote(asset.published_name)
        fields["file:size"] = local.size
        fields["file:checksum"] = SHA256_MULTIHASH + local.sha256
    suffix = re.search(r"\.[A-Za-z0-9]+$", asset.href.split("?", 1)[0].split("#", 1)[0])
    if "type" not in fields and suffix and suffix.group().lower() in _MEDIA_TYPES:
        fields["type"] = _MEDIA_TYPES[suffix.group().lower()]
    return fields


def _links(model: Model, titles: Titles) -> list[dict[str, Any]]:
    collection = {"href": "../collection.json", "type": "application/json"}
    collection_title = titles.collections.get(model.collection, model.collection)
    links: list[dict[str, Any]] = [
        {"rel": "root", "href": "../../catalog.json", "type": "application/json", "title": titles.catalog},
        {"rel": "parent", **collection, "title": collection_title},
        {"rel": "collection", **collection, "title": collection_title},
        {"rel": "alternate", "href": "./index.html", "type": "text/html", "title": f"Model card of {model.name}"},
    ]
    dois = dict.fromkeys(doi for doi in (model.doi, *(p.doi for p in model.publications)) if doi)
    links += [{"rel": "cite-as", "href": doi_url(doi)} for doi in dois]
    for data in model.data:
        for example in data.item_examples:
            title = {"title": example.title} if example.title else {}
            links.append({"rel": "example", "href": example.url, "type": "application/geo+json", **title})
    stated = [dict(link.fields) for link in model.links if link.rel not in VERSION_RELS]
    # What is computed may also be stated: a published Item that is fed back in has it already. The author's says more.
    known = {(link["rel"], link["href"]) for link in stated}
    unique: list[dict[str, Any]] = []
    for link in [link for link in links if (link["rel"], link["href"]) not in known] + stated:
        if link not in unique:
            unique.append(link)
    return unique


def _extensions(item: Mapping[str, Any], dlm_uri: str, declared: Iterable[str], mlm: Mlm) -> list[str]:
    properties, assets = item["properties"], item["assets"].values()
    used = {dlm_uri}
    if any(key.startswith("eo:") for fields in (properties, *assets) for key in fields):
        used.add(schema.EO)
    if any(key.startswith("sci:") for key in properties):
        used.add(schema.SCIENTIFIC)
    if not {"version", "deprecated", "experimental"}.isdisjoint(properties):
        used.add(schema.VERSION)
    if any(key.startswith("file:") for asset in assets for key in asset):
        used.add(schema.FILE)
    prefixes = tuple(uri.rsplit("/", 2)[0] + "/" for uri in (schema.EO, schema.SCIENTIFIC, schema.VERSION, schema.FILE))
    others = [uri for uri in declared if not uri.startswith(prefixes) and "/dlm/" not in uri and uri.startswith("http")]
    if mlm.properties:
        used.add(MLM_URI)
    if "processing:level" in mlm.properties and not any("/processing/" in uri for uri in others):
        used.add(PROCESSING_URI)
    return sorted(used.union(others))
