"""STAC Items with the MLM extension, versions 1.0 to 1.5.2.

The versions differ in how pixels are scaled (`norm_type` with `statistics` until 1.3, `value_scaling` from 1.4 on), in
where the entrypoint stands, and in the spelling of the classes; all are read. The way there is `builder.mlm`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from builder.importers import mlm_parts, stac_item
from builder.importers.draft import Draft, Given, list_of, mapping_of, text_of
from builder.mlm import CONTAINER_TYPE, PREFIX
from builder.mlm_values import UNKNOWN, fit_name, to_megabytes

KIND = "STAC Item with MLM"
OPEN_SPAN = {"start_datetime": "1900-01-01T00:00:00Z", "end_datetime": "9999-12-31T23:59:59Z"}
_COMMON = (
    "title", "description", "keywords", "license", "providers", "created", "updated", "datetime", "start_datetime",
    "end_datetime", "platform", "instruments", "constellation", "mission", "gsd", "version", "deprecated",
    "experimental", "card", "language", "translations",
)  # fmt: skip
_CLOSED = {"eo": ("cloud_cover", "snow_cover"), "sci": ("doi", "citation", "publications"), "file": ()}
"""What a model file takes of the extensions whose keys it knows."""
_ITEM_KEYS = frozenset({
    "id", "collection", "bbox", "geometry", "assets", "links", "properties", "type", "stac_version", "stac_extensions",
    "$comment",
})  # fmt: skip
_ENTRYPOINT = "mlm:entrypoint"


def read(given: Given) -> Draft | None:
    """The draft of a file that holds an Item with `mlm:` fields."""
    item = given.data
    if not isinstance(item, Mapping) or item.get("type") != "Feature":
        return None
    if not any(key.startswith(PREFIX) for key in mapping_of(item.get("properties"))):
        return None
    return from_mlm(item, given.location.stem)


def from_mlm(item: Mapping[str, Any], name: str = "model") -> Draft:
    """The draft of an Item with `mlm:` fields; `name` is its id where the Item has none that fits."""
    draft = Draft(KIND, {})
    properties = dict(mapping_of(item.get("properties")))
    stac_item.read_identity(item, name, draft)
    _common(properties, draft)
    stac_item.read_place(item, draft)
    assets = stac_item.read_assets(item.get("assets"), stac_item.base_of(item), draft)
    bands = mlm_parts.read_bands(properties, assets, draft)
    if bands:
        draft.fields["eo:bands"] = bands
    _network(properties, draft)
    _runtime(item, properties, assets, draft)
    inputs = list_of(properties.get("mlm:input"), dict)
    made = mlm_parts.read_inputs(inputs, bands, draft)
    _data(properties, inputs, assets, bands, made, draft)
    _set(draft, "dlm:inputs", [one for one in made if one])
    _set(draft, "dlm:outputs", mlm_parts.read_outputs(list_of(properties.get("mlm:output"), dict), draft))
    _tasks(properties, draft)
    if assets:
        draft.fields["assets"] = assets
    stac_item.read_links(item, draft)
    # An Item that has both says more in dlm: than can be told from mlm:.
    draft.fields.update({key: value for key, value in properties.items() if key.startswith("dlm:")})
    for key in sorted(key for key in properties if key.startswith(PREFIX) and key not in mlm_parts.READ):
        if properties[key] is not None:
            draft.leave(key, "DLM has no place for it")
    for key in sorted(key for key in item if key not in _ITEM_KEYS and key != _ENTRYPOINT):
        draft.leave(key, "an Item has no such key")
    return draft


def _set(draft: Draft, key: str, objects: list[dict[str, Any]]) -> None:
    """One object by itself, several as a list."""
    if objects:
        draft.fields[key] = objects[0] if len(objects) == 1 else objects


def _common(properties: Mapping[str, Any], draft: Draft) -> None:
    fields = draft.fields
    name = text_of(properties.get("mlm:name"))
    title = text_of(properties.get("title"))
    if name and not title:
        fields["title"] = name
    elif name and title and name not in (title, fit_name(title, draft.id)):
        draft.leave("mlm:name", f"the title goes before it; it is “{name}”")
    is_open = all(properties.get(key) == value for key, value in OPEN_SPAN.items())
    for key, value in properties.items():
        prefix, _, rest = key.partition(":")
        if value is None or (is_open and key in OPEN_SPAN):
            continue
        if prefix in ("mlm", "dlm") or key in ("bands", "eo:bands", "processing:level"):
            continue  # read elsewhere
        if key in _COMMON or (rest and rest in _CLOSED.get(prefix, (rest,))):
            fields[key] = value
        else:
            draft.leave(key, "a model file has no such key" if not rest else "a model file gives it with a file")
    if not text_of(fields.get("description")):
        fields["description"] = "TODO"
        draft.note(("description",), "TODO: what the model does, on which imagery.")


def _network(properties: Mapping[str, Any], draft: Draft) -> None:
    network: dict[str, Any] = {}
    kind = text_of(properties.get("mlm:architecture"))
    if kind and kind != UNKNOWN:
        network["type"] = kind
    if isinstance(total := properties.get("mlm:total_parameters"), int):
        network["total_nb_parameters"] = total
    if isinstance(size := properties.get("mlm:memory_size"), int) and size > 0:
        network["estimated_total_size_mb"] = to_megabytes(size)
    pretrained, source = properties.get("mlm:pretrained"), text_of(properties.get("mlm:pretrained_source"))
    if pretrained is False:
        network["pretrained"] = False
        if source:
            draft.leave("mlm:pretrained_source", f"mlm:pretrained is false, and this says “{source}”")
    elif source or pretrained:
        network["pretrained"] = source or True
    elif "mlm:pretrained_source" in properties and properties["mlm:pretrained_source"] is None:
        network["pretrained"] = False
    if network:
        draft.fields["dlm:architecture"] = network


def _runtime(
    item: Mapping[str, Any], properties: Mapping[str, Any], assets: dict[str, dict[str, Any]], draft: Draft
) -> None:
    runtime: dict[str, Any] = {}
    for key, mlm_key in (("framework", "mlm:framework"), ("version", "mlm:framework_version")):
        if value := text_of(properties.get(mlm_key)):
            runtime[key] = value
    code = [asset for asset in assets.values() if {"code", "mlm:source_code"} & set(asset.get("roles", ()))]
    code.sort(key=lambda asset: (text_of(asset.get(_ENTRYPOINT)) is None, "mlm:training" in asset.get("roles", ())))
    handler = next((text_of(asset.get(_ENTRYPOINT)) for asset in code), None)
    # Until 1.4 the place of the entrypoint was not fixed.
    handler = handler or text_of(properties.get(_ENTRYPOINT)) or text_of(item.get(_ENTRYPOINT))
    if handler:
        runtime["model_handler"] = handler
    if code and re.match(r"https?://", code[0]["href"]):
        runtime["model_src_url"] = code[0]["href"]
    images = [_docker(assets, key, draft) for key in list(assets) if _is_container(assets[key])]
    accelerator, forced = properties.get("mlm:accelerator"), properties.get("mlm:accelerator_constrained")
    if accelerator == "cuda" and forced and images:
        images = [{**docker, "gpu": True} for docker in images]
    elif accelerator:
        needs = "needs" if forced else "can use"
        draft.leave("mlm:accelerator", f"the model {needs} {accelerator}; DLM says gpu: true of a container only")
    if images:
        runtime["docker"] = images[0] if len(images) == 1 else images
    if runtime:
        draft.fields["dlm:runtime"] = runtime


def _is_container(asset: Mapping[str, Any]) -> bool:
    kind = str(asset.get("type", CONTAINER_TYPE))
    return "runtime" in asset.get("roles", ()) and kind.startswith("application/vnd.oci")


def _docker(assets: dict[str, dict[str, Any]], key: str, draft: Draft) -> dict[str, Any]:
    """The image of a container asset, which is made again from it by the build."""
    asset = assets.pop(key)
    image = re.sub(r"^[a-z-]+://", "", asset["href"])
    name, colon, tag = image.rpartition(":")
    docker = {"image_name": name, "tag": tag} if colon and "/" not in tag and "@" not in name else {"image_name": image}
    for stated in sorted(asset.keys() - {"href", "type", "roles", "title"}):
        draft.leave(f"assets.{key}.{stated}", "the container is described in dlm:runtime")
    return docker


def _data(
    properties: Mapping[str, Any], inputs: list[dict[str, Any]], assets: Mapping[str, Mapping[str, Any]],
    bands: list[dict[str, Any]], made: list[dict[str, Any]], draft: Draft,
) -> None:  # fmt: skip
    """The imagery: its bands, its type and its level, as far as MLM tells them."""
    data: dict[str, Any] = {}
    level = properties.get("processing:level")
    if text_of(level):
        if re.fullmatch(r"L[0-4]|L1[ABC]|L2A", str(level)):
            data["process_level"] = level
        else:
            draft.fields["processing:level"] = level
    if kind := mlm_parts.pixel_type(inputs, assets, draft):
        data["dtype"] = kind
    if bands:
        data["number_of_bands"] = len(bands)
    if len(made) == 1 and (selected := made[0].get("selected_band")):
        data["useful_bands"] = [
            {"index": i, **({"name": bands[i]["name"]} if "name" in bands[i] else {})} for i in selected
        ]
    if data:
        draft.fields["dlm:data"] = data


def _tasks(properties: Mapping[str, Any], draft: Draft) -> None:
    """Tasks that no output states; the output that says it all is made where there is one task and no output."""
    outputs = draft.fields.get("dlm:outputs", [])
    stated = {output.get("task") for output in (outputs if isinstance(outputs, list) else [outputs])}
    for task in list_of(properties.get("mlm:tasks"), str):
        plain = task.replace("-", " ")
        if plain not in mlm_parts.TASKS:
            draft.leave(f"mlm:tasks: {task}", "DLM has no such task")
        elif plain not in stated and not outputs:
            _set(draft, "dlm:outputs", [{"task": plain}])
            outputs, stated = [draft.fields["dlm:outputs"]], {plain}
        elif plain not in stated:
            draft.leave(f"mlm:tasks: {task}", "no output has this task")
