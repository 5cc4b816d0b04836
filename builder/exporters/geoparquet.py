"""stac-geoparquet: the Items as a table that DuckDB, pandas and STAC clients query without reading every file.

https://github.com/radiantearth/stac-geoparquet-spec. A column of a table has one type, while in `dlm:` an object and a
list of objects mean the same, and other extensions may be freer still; `to_columns` brings the Items into one shape.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from builder.catalog import CatalogInfo, Entry
from builder.exporters.form import Export, MissingExtraError
from builder.exporters.ndjson import to_root
from builder.output import Artifact

_ONE_OR_MANY = frozenset(
    {"dlm:data", "dlm:inputs", "dlm:architecture", "dlm:runtime", "dlm:outputs", "input_tensors", "docker"}
)
_INT64 = range(-(2**63), 2**63)


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:  # noqa: ARG001  the signature of the family
    """`items.parquet` at the top of the site. Needs the extra `parquet`."""
    try:
        import rustac
    except ImportError as error:
        raise MissingExtraError("parquet", "items.parquet") from error
    items = to_columns([to_root(entry) for entry in entries])
    with tempfile.TemporaryDirectory(prefix="parquet-") as folder:
        location = FilePath(folder) / "items.parquet"
        rustac.write_sync(str(location), items)
        return Export((Artifact(location.name, location.read_bytes()),))


def to_columns(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The Items with every property and asset of one type in all of them.

    Where one has an object and another a list of objects, and for all fields of `dlm:`, all get lists. Where the kinds
    differ otherwise (a number here, a text there), all get texts. Objects without content are left out, since no column
    can hold them.
    """
    properties = _alike([_with_lists(item["properties"]) for item in items])
    assets = _alike([item["assets"] for item in items])
    links = _alike([item["links"] for item in items])
    return [
        {**item, "properties": fields or {}, "assets": files or {}, "links": targets or []}
        for item, fields, files, targets in zip(items, properties, assets, links, strict=True)
    ]


def _with_lists(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with lists wherever `dlm:` takes an object or a list: every catalog has the same columns."""
    return {key: _listed(value) if key in _ONE_OR_MANY else value for key, value in properties.items()}


def _listed(value: Any) -> list[Any]:
    return [
        {key: _listed(one) if key in _ONE_OR_MANY else one for key, one in entry.items()}
        for entry in (value if isinstance(value, list) else [value])
    ]


def _alike(values: Sequence[Any]) -> list[Any]:
    """Values of one field, brought to one type; None stays None."""
    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {"object", "list"}:
        values = [[value] if isinstance(value, Mapping) else value for value in values]
        kinds = {"list"}
    if kinds == {"object"}:
        return _objects(values)
    if kinds == {"list"}:
        flat = _alike([inner for value in values if value is not None for inner in value])
        lengths = [None if value is None else len(value) for value in values]
        rest = iter(flat)
        return [None if length is None else [next(rest) for _ in range(length)] for length in lengths]
    if len(kinds) > 1 or kinds == {"text"}:
        return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return list(values)


def _objects(values: Sequence[Any]) -> list[Any]:
    keys = dict.fromkeys(key for value in values if value is not None for key in value)
    columns = {key: _alike([None if value is None else value.get(key) for value in values]) for key in keys}
    rows: list[Any] = []
    for index, value in enumerate(values):
        made = {key: column[index] for key, column in columns.items() if value is not None and key in value}
        rows.append({key: one for key, one in made.items() if one is not None} or None)
    return rows


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list):
        return "list"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) and value not in _INT64:
        return "text"
    return "number" if isinstance(value, (int, float)) else "text"
