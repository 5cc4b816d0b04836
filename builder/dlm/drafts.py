"""What pystac does with an Item or Collection of the extension's drafts: `migrate_draft` rewrites it to v1.0.0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, get_args

import pystac
from pystac.extensions.hooks import ExtensionHooks
from pystac.serialization.identify import STACJSONDescription, STACVersionID

from builder.dlm.extension import DLMExtension
from builder.dlm.objects import (
    SCHEMA_URI,
    Data,
    DLMObject,
    DType,
    Key,
    Many,
    NotFinite,
    Output,
    ProcessLevel,
    Task,
    fields_of,
    is_schema_uri,
)  # fmt: skip
from builder.dlm.spellings import CLASS_KEY, DTYPE_ALIASES, PROCESS_LEVELS, RENAMED, TASKS

_LEVELS = {level.casefold(): level for level in get_args(ProcessLevel)} | PROCESS_LEVELS
_DTYPES = {dtype: dtype for dtype in get_args(DType)} | DTYPE_ALIASES
_TASKS = {task: task for task in get_args(Task)} | TASKS


def _spelt(table: Mapping[str, str]) -> Callable[[Any], Any]:
    """A function that looks a text up in the table, whatever its case; what is not there stays as it is."""
    return lambda value: table.get(value.casefold(), value) if isinstance(value, str) else value


def _to_task(value: Any) -> Any:
    words = " ".join(re.split(r"[\s_-]+", str(value).strip().casefold()))
    return _TASKS.get(words, value)


def _to_nodata(value: Any) -> Any:
    text = str(value).casefold()
    return text if text in get_args(NotFinite) else value


def _to_index(key: Any) -> Any:
    digits = CLASS_KEY.fullmatch(str(key))
    return int(digits[1]) if digits else key


def _to_classes(value: Any) -> Any:
    """The class mapping as a list of `{index, class_name}`; an entry that makes no sense stays as it is."""
    if not isinstance(value, list | dict):
        return value
    classes: list[Any] = []
    for position, entry in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(entry, str):
            classes.append({"index": position, "class_name": entry})
        elif not isinstance(entry, dict):
            classes.append(entry)
        elif "class_name" in entry:
            classes.append(entry | {"index": _to_index(entry["index"])} if "index" in entry else entry)
        else:
            pairs = {_to_index(key): name for key, name in entry.items()}
            known = all(isinstance(index, int) for index in pairs)
            classes += [{"index": i, "class_name": name} for i, name in pairs.items()] if known else [entry]
    return classes


_DRAFT_VALUES: Mapping[Key[Any], Callable[[Any], Any]] = {
    Data.process_level: _spelt(_LEVELS),
    Data.dtype: _spelt(_DTYPES),
    Data.nodata_value: _to_nodata,
    Output.task: _to_task,
    Output.class_name_mapping: _to_classes,
}


def _migrate_value(field: Key[Any], value: Any) -> Any:
    if field in _DRAFT_VALUES:
        value = _DRAFT_VALUES[field](value)
    if isinstance(field, Many) and issubclass(field.of, DLMObject):
        if isinstance(value, dict):
            return [_migrate_object(field.of, value)] if field.always_list else _migrate_object(field.of, value)
        return [_migrate_object(field.of, v) for v in value] if isinstance(value, list) else value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number and field.node.get("type") == "string" else value


def _migrate_object(of: type[DLMObject], old: Any) -> Any:
    if not isinstance(old, dict):
        return old
    fields = {field.key: field for field in fields_of(of).values()}
    new = {}
    renamed: Mapping[str, str] = RENAMED.get(str(of.__name__).lower(), {})
    for draft_key, draft_value in old.items():
        key = renamed.get(draft_key, draft_key)
        if key != draft_key and old.get(key) is not None:
            continue  # both spellings: ours wins
        value = draft_value
        if field := fields.get(key):
            value = _migrate_value(field, draft_value)
            if value is None and not field.nullable:
                continue  # the drafts wrote null for "not known"
        new[key] = value
    return new


def _migrate_fields(holder: dict[str, Any]) -> None:
    for field in fields_of(DLMExtension).values():
        value = _migrate_value(field, holder.pop(field.key, None))
        if value is not None:
            holder[field.key] = value


def _migrate_assets(assets: Any) -> Any:
    """The assets by key: the drafts' example has a list of objects with one key each, and `role` for `roles`."""
    if isinstance(assets, list) and all(isinstance(entry, dict) for entry in assets):
        named = [{f"asset_{i}": entry} if "href" in entry else entry for i, entry in enumerate(assets)]
        assets = {key: asset for entry in named for key, asset in entry.items()}
    for asset in assets.values() if isinstance(assets, dict) else ():
        if isinstance(asset, dict):
            _migrate_fields(asset)
            if "role" in asset:
                role = asset.pop("role")
                asset.setdefault("roles", role if isinstance(role, list) else [role])
    return assets


def migrate_draft(obj: dict[str, Any]) -> None:
    """Rewrites, in place, the JSON dict of a draft Item or Collection to the spelling of v1.0.0.

    Names, values and shapes of the `dlm:` fields, list-shaped assets, `role` of assets, a numeric id, and the drafts'
    ids in `stac_extensions`. What cannot be understood stays as it is, for validation to report.

    pystac does this by itself when it reads an Item, through DLM_EXTENSION_HOOKS. It asks the extensions in no
    certain order, and its File extension fails on list-shaped assets: for those, call this function first.
    """
    if isinstance(obj.get("id"), int):
        obj["id"] = str(obj["id"])
    for name in ("assets", "item_assets"):
        if obj.get(name):
            obj[name] = _migrate_assets(obj[name])
    if isinstance(obj.get("properties"), dict):
        _migrate_fields(obj["properties"])
    drafts = list(DLMExtensionHooks.prev_extension_ids)
    kept = [uri for uri in obj.get("stac_extensions") or () if uri not in drafts]
    if not any(map(is_schema_uri, kept)):
        kept.append(SCHEMA_URI)
    obj["stac_extensions"] = kept


class DLMExtensionHooks(ExtensionHooks):
    """What pystac does with the extension when it reads a STAC object: an object with a draft's id is migrated."""

    schema_uri: str = SCHEMA_URI
    prev_extension_ids: ClassVar[set[str]] = {
        "dl-model",
        "https://schemas.stacspec.org/v1.0.0-beta.2/extensions/dl-model/json-schema/schema.json",
        "https://schemas.stacspec.org/v1.0.0-beta.2/extensions/dl-model/json-schema/schema.json#",
        "https://schemas.stacspec.org/v1.0.0-beta.3/extensions/dl-model/json-schema/schema.json",
        "https://schemas.stacspec.org/v1.0.0-beta.3/extensions/dl-model/json-schema/schema.json#",
    }
    stac_object_types: ClassVar[set[pystac.STACObjectType]] = {
        pystac.STACObjectType.ITEM,
        pystac.STACObjectType.COLLECTION,
    }

    def has_extension(self, obj: dict[str, Any]) -> bool:
        """Whether the JSON dict declares the extension, at any host or by a draft's id."""
        return any(map(is_schema_uri, obj.get("stac_extensions") or ())) or self._is_draft(obj)

    def migrate(self, obj: dict[str, Any], version: STACVersionID, info: STACJSONDescription) -> None:  # noqa: ARG002
        """Rewrites a draft. pystac calls this for every object that it reads, so others are left alone."""
        if self._is_draft(obj):
            migrate_draft(obj)

    def _is_draft(self, obj: dict[str, Any]) -> bool:
        declared = obj.get("stac_extensions") or ()
        return any(draft in declared for draft in self.prev_extension_ids)


DLM_EXTENSION_HOOKS: ExtensionHooks = DLMExtensionHooks()
