"""The JSON Schemas: loaded, and bundled into one file for editors. The schema is the contract; code follows it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MODEL_FILE = "https://dlm-catalog.example/schemas/model-file.json"
COLLECTION_FILE = "https://dlm-catalog.example/schemas/collection-file.json"
CATALOG_FILE = "https://dlm-catalog.example/schemas/catalog-file.json"
DLM = "https://dlm-catalog.example/schemas/dlm/v1.0.0/schema.json"
DLM_PATH = "schemas/dlm/v1.0.0/schema.json"
MODELS = "https://dlm-catalog.example/schemas/models/v1.2.0/schema.json"
MODELS_PATH = "schemas/models/v1.2.0/schema.json"
SCIENTIFIC = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
EO = "https://stac-extensions.github.io/eo/v1.1.0/schema.json"
VERSION = "https://stac-extensions.github.io/version/v1.2.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
STAC_ITEM = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"

_OURS = {
    DLM: ("builder.dlm", "schema.json"),
    MODEL_FILE: ("builder.schemas", "model-file.json"),
    COLLECTION_FILE: ("builder.schemas", "collection-file.json"),
    CATALOG_FILE: ("builder.schemas", "catalog-file.json"),
    MODELS: ("builder.schemas", "models-index.json"),
    SCIENTIFIC: ("builder.schemas", "scientific.json"),
    EO: ("builder.schemas", "eo.json"),
    VERSION: ("builder.schemas", "version.json"),
    FILE: ("builder.schemas", "file.json"),
}
# What pystac carries of STAC core, by the part of the URL that says which specification a schema belongs to.
_STAC_FILES = {
    "item-spec": (
        "item",
        "bands",
        "basics",
        "common",
        "data-values",
        "datetime",
        "instrument",
        "licensing",
        "provider",
    ),
    "collection-spec": ("collection",),
    "catalog-spec": ("catalog",),
}


@cache
def load(uri: str) -> dict[str, Any]:
    """The schema with this id. Do not change it: it is shared."""
    package, name = _OURS[uri]
    schema: dict[str, Any] = json.loads(resources.files(package).joinpath(name).read_bytes())
    return schema


@cache
def load_all() -> dict[str, dict[str, Any]]:
    """Every schema that validation needs, by id: ours, and STAC core and GeoJSON from pystac's bundle."""
    schemas = {uri: load(uri) for uri in _OURS}
    # Read as files, where pystac lies: importing it costs more than checking a file, and `resources.files` would.
    places = getattr(find_spec("pystac"), "submodule_search_locations", None) or ()
    bundle = Path(next(iter(places))) / "validation" / "jsonschemas"
    for spec, names in _STAC_FILES.items():
        for name in names:
            uri = f"https://schemas.stacspec.org/v1.1.0/{spec}/json-schema/{name}.json"
            schemas[uri] = json.loads((bundle / "stac-spec" / "v1.1.0" / f"{name}.json").read_bytes())
    for name in ("Feature", "Geometry"):
        schemas[f"https://geojson.org/schema/{name}.json"] = json.loads(
            (bundle / "geojson" / f"{name}.json").read_bytes()
        )
    return schemas


def published(base_url: str | None) -> tuple[str, dict[str, Any]]:
    """The id of the DLM schema for a site at `base_url` (the fixed default without one), and the schema with it."""
    schema = load(DLM)
    uri = DLM if base_url is None else f"{base_url.rstrip('/')}/{DLM_PATH}"
    return uri, {**_without_notes(schema), "$id": uri}


def published_index(base_url: str | None) -> dict[str, Any]:
    """The schema of models.json, with the address that it has in a site at `base_url` as its id."""
    uri = MODELS if base_url is None else f"{base_url.rstrip('/')}/{MODELS_PATH}"
    return {**load(MODELS), "$id": uri}


def source_schema() -> dict[str, Any]:
    """The schema of a model file for editors: one self-contained document that takes both authoring forms."""
    schema = copy.deepcopy(load(MODEL_FILE))
    schema["definitions"].update(copy.deepcopy(load(DLM)["definitions"]))
    _point_inside(schema)
    dlm_fields = schema["definitions"]["fields"]["properties"]
    fields = {key: dlm_fields[key] if key.startswith("dlm:") else value for key, value in schema["properties"].items()}
    class_list = schema["definitions"]["output"]["properties"]["class_name_mapping"]
    schema["definitions"]["output"]["properties"]["class_name_mapping"] = {
        "description": class_list["description"] + " A list of names or a mapping from index to name is read too.",
        "type": ["array", "object"],
        "additionalProperties": {"type": "string"},
        "minItems": 1,
        "items": {
            "type": ["object", "string"],
            "if": {"required": ["class_name"]},
            "then": {"$ref": "#/definitions/class"},
        },
        "examples": [[{"index": 0, "class_name": "background"}, {"index": 1, "class_name": "water"}]],
    }
    # A tag alone is read, too.
    language = schema["definitions"]["language"]
    language |= {"type": ["string", "object"], "pattern": language["properties"]["code"]["pattern"]}
    item_only = (
        "id",
        "collection",
        "bbox",
        "geometry",
        "assets",
        "links",
        "card",
        "type",
        "stac_version",
        "stac_extensions",
    )
    properties = {key: {"$ref": f"#/definitions/model/properties/{key}"} for key in fields if key not in item_only}
    schema["definitions"]["model"] = {"properties": fields}
    schema["properties"] = {
        **fields,
        "properties": {
            "description": "The keys that are Item properties may stand here instead of at the top level.",
            "type": "object",
            "properties": properties,
            "patternProperties": schema["patternProperties"],
            "additionalProperties": False,
        },
    }
    schema["if"] = {"required": ["properties"]}
    schema["then"] = {}
    schema["else"] = {"allOf": schema.pop("allOf")}
    bundle: dict[str, Any] = _without_notes(schema)
    return bundle


def _point_inside(node: Any) -> None:
    """Turns references to the DLM schema into references inside the bundle."""
    if isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str):
            node["$ref"] = ref.removeprefix(DLM)
        for value in node.values():
            _point_inside(value)
    elif isinstance(node, list):
        for value in node:
            _point_inside(value)


def _without_notes(node: Any) -> Any:
    """The schema without our own `x-` annotations."""
    if isinstance(node, dict):
        return {key: _without_notes(value) for key, value in node.items() if not key.startswith("x-")}
    return [_without_notes(value) for value in node] if isinstance(node, list) else node


@dataclass(frozen=True)
class Node:
    """A part of a schema, with the id of the schema that its references are relative to."""

    data: Mapping[str, Any]
    uri: str

    def child(self, data: Any) -> Node:
        return Node(data if isinstance(data, Mapping) else {}, self.uri).resolved()

    def resolved(self) -> Node:
        """The part with its reference followed; what stands beside the reference wins."""
        ref = self.data.get("$ref")
        if ref is None:
            return self
        uri, _, pointer = ref.partition("#")
        target: Any = load(uri or self.uri)
        for step in pointer.strip("/").split("/"):
            target = target[step] if step else target
        found = Node(target, uri or self.uri).resolved()
        own = {key: value for key, value in self.data.items() if key != "$ref"}
        return Node({**found.data, **own}, found.uri)

    @property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.data.get("properties", {})
        return found

    @property
    def types(self) -> list[str]:
        """The kinds of values that are taken."""
        kind = self.data.get("type", [])
        return kind if isinstance(kind, list) else [kind]

    def at(self, key: str) -> Node:
        """The part about the value of a key; an empty one where nothing is said about it."""
        if key in self.properties:
            if key not in self._named:
                self._named[key] = self.child(self.properties[key])
            return self._named[key]
        for pattern, data in self.data.get("patternProperties", {}).items():
            if re.search(pattern, key):
                return self.child(data)
        return self.child(self.data.get("additionalProperties"))

    @cached_property
    def _named(self) -> dict[str, Node]:
        """The parts about keys that the schema names, once they were asked for: comparing asks all the time."""
        return {}

    @cached_property
    def inner_object(self) -> Node | None:
        """The first object that a value is or holds."""
        return next((inner for inner, _ in self.objects()), None)

    def shapes(self) -> list[Node]:
        """What a value may be: the two branches of a union, else the part itself."""
        if "if" not in self.data:
            return [self]
        same = {key: value for key, value in self.data.items() if key not in ("if", "then", "else")}
        of_if = self.data["if"].get("type")
        branches = []
        for branch, kinds in (("then", [of_if]), ("else", [kind for kind in self.types if kind != of_if])):
            node = self.child(self.data.get(branch, {}))
            kind = {"type": kinds[0] if len(kinds) == 1 else kinds} if kinds else {}
            branches.append(Node({**same, **kind, **node.data}, node.uri))
        # The form that most authors want comes first.
        return branches[::-1] if of_if in ("array", "null", "string") else branches

    def objects(self) -> Iterator[tuple[Node, bool]]:
        """The objects with keys of their own that a value is or holds, each with whether it stands in a list."""
        for shape in self.shapes():
            if isinstance(shape.data.get("items"), Mapping):
                yield from ((inner, True) for inner, _ in shape.child(shape.data["items"]).objects())
            elif shape.properties:
                yield shape, False
            else:
                others = [*shape.data.get("patternProperties", {}).values(), shape.data.get("additionalProperties")]
                inside = (shape.child(data) for data in others if isinstance(data, Mapping))
                yield from ((inner, False) for inner in inside if inner.properties)
