"""What is known of imagery from a STAC Item or Collection: the other half of what `match` compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from builder.details import flat_box
from builder.match import RULES


def to_imagery(item: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the imagery in a STAC Item, or of that in a Collection; STAC 1.0 and 1.1 band fields."""
    collection = item.get("type") == "Collection"
    properties: Mapping[str, Any] = (item.get("summaries") if collection else item.get("properties")) or {}
    assets = (item.get("item_assets") if collection else item.get("assets")) or {}
    bands, gsds, dtypes = _image_bands(properties, assets)
    extent = item.get("extent") or {}
    box = (((extent.get("spatial") or {}).get("bbox") or [None])[0] if collection else item.get("bbox")) or []
    times = ((extent.get("temporal") or {}).get("interval") or [None])[0] or [None, None]
    moment = properties.get("datetime")
    start, end = (properties.get(f"{edge}_datetime") or moment for edge in ("start", "end"))
    sensors = [word for key in ("platform", "constellation", "mission") for word in _words(properties.get(key))]
    made = {
        "name": str(item.get("id") or ""),
        "sensors": list(dict.fromkeys(sensors)),
        "instruments": list(dict.fromkeys(_words(properties.get("instruments")))),
        "bands": bands,
        "gsd": _gsd(properties, gsds),
        "dtype": max(dtypes, key=lambda name: dtypes[name]) if dtypes else None,
        "level": _image_level(properties),
        "bbox": flat_box(box),
        "start": times[0] if collection else start,
        "end": times[1] if collection else end,
    }
    return {key: value for key, value in made.items() if value is not None and value not in ([], "")}


def _image_bands(
    properties: Mapping[str, Any], assets: Mapping[str, Any]
) -> tuple[list[list[Any]], list[float], dict[str, int]]:
    """The bands of all assets with data, each once; the GSDs and the counts of the data types of these assets."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    gsds: list[float] = []
    dtypes: dict[str, int] = {}
    polarizations = [str(name) for name in properties.get("sar:polarizations") or []]
    for key, asset in assets.items():
        roles = asset.get("roles") or []
        if any(role in RULES["skipped_roles"] for role in roles):
            continue
        bands = _bands_of(asset)
        named = [name for name in polarizations if _ends_with(key, name)]
        rows = [row for row in map(_plain_band, bands) if row[0] or row[1] or row[2]]
        rows = rows or [[name, None, None, None] for name in named]
        if not rows:
            continue
        for row in rows:
            found.setdefault(tuple(row[:3]), row)
        raster = [band for band in asset.get("raster:bands") or [] if isinstance(band, Mapping)]
        for source in (asset, *bands, *raster):
            size = source.get("gsd") or source.get("raster:spatial_resolution") or source.get("spatial_resolution")
            gsds += [size] if _is_number(size) else []
            if isinstance(dtype := source.get("data_type"), str):
                dtypes[dtype] = dtypes.get(dtype, 0) + 1
    if not found:
        rows = [_plain_band(band) for band in _bands_of(properties)]
        rows = rows or [[name, None, None, None] for name in polarizations]
        found = {tuple(row[:3]): row for row in rows}
    return list(found.values()), gsds, dtypes


def _bands_of(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for key in ("bands", "eo:bands"):
        bands = fields.get(key)
        if isinstance(bands, list) and any(isinstance(band, Mapping) for band in bands):
            return [band for band in bands if isinstance(band, Mapping)]
    return []


def _plain_band(band: Mapping[str, Any]) -> list[Any]:
    def either(key: str) -> Any:
        value = band.get(f"eo:{key}")
        return value if value is not None else band.get(key)

    centre, width = either("center_wavelength"), either("full_width_half_max")
    return [
        band.get("name"), either("common_name"), centre if _is_number(centre) else None,
        width if _is_number(width) else None,
    ]  # fmt: skip


def _gsd(properties: Mapping[str, Any], gsds: list[float]) -> float | None:
    stated = properties.get("gsd")
    for values in (stated if isinstance(stated, list) else [stated], gsds, [properties.get("sar:pixel_spacing_range")]):
        if sizes := [value for value in values if _is_number(value)]:
            return min(sizes)
    return None


def _image_level(properties: Mapping[str, Any]) -> str | None:
    for key in ("processing:level", "s2:product_type", "landsat:correction", "sar:product_type"):
        value = properties.get(key)
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str) and word:
                known: str | None = RULES["levels"].get(word.upper())
                return known or word
    return None


def _words(value: Any) -> list[str]:
    return [str(word).lower() for word in (value if isinstance(value, list) else [value]) if word]


def _ends_with(key: str, name: str) -> bool:
    return key.lower() == name.lower() or key.lower().endswith(("_" + name.lower(), "-" + name.lower()))


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
