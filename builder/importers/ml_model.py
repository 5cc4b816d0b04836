"""STAC Items with the ML Model extension, which came before MLM and says little: https://github.com/stac-extensions/ml-model"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from builder.importers import stac_item
from builder.importers.draft import Draft, Given, list_of, mapping_of, text_of

KIND = "STAC Item with ML Model"
_PREFIX = "ml-model:"
_TASKS = {
    "object-detection": "object detection", "classification": "classification", "regression": "regression",
    "segmentation": "semantic segmentation",
}  # fmt: skip
_IMAGES = ("ml-model:inferencing-image", "ml-model:inference-image")
_CHECKPOINT = "ml-model:checkpoint"


def read(given: Given) -> Draft | None:
    """The draft of a file that holds an Item with `ml-model:` fields."""
    item = given.data
    if not isinstance(item, Mapping) or item.get("type") != "Feature":
        return None
    properties = mapping_of(item.get("properties"))
    if not any(key.startswith(_PREFIX) for key in properties):
        return None
    draft = Draft(KIND, {})
    stac_item.read_identity(item, given.location.stem, draft)
    for key, value in properties.items():
        if value is not None and not key.startswith(_PREFIX):
            draft.fields[key] = value
    stac_item.read_place(item, draft)
    if kind := text_of(properties.get("ml-model:architecture")):
        draft.fields["dlm:architecture"] = {"type": kind}
    _task(properties.get("ml-model:prediction_type"), draft)
    for key in ("ml-model:learning_approach", "ml-model:training-os", "ml-model:training-processor-type"):
        if value := text_of(properties.get(key)):
            draft.leave(f"{key}: {value}", "DLM says nothing about the training")
    assets = stac_item.read_assets(item.get("assets"), stac_item.base_of(item), draft)
    images = [_docker(link) for link in list_of(item.get("links"), dict) if link.get("rel") in _IMAGES]
    images += [_docker(assets.pop(key)) for key in list(assets) if set(_IMAGES) & set(assets[key].get("roles", ()))]
    if images:
        draft.fields["dlm:runtime"] = {"docker": images[0] if len(images) == 1 else images}
    for key, asset in assets.items():
        _asset(key, asset, draft)
    if assets:
        draft.fields["assets"] = assets
    links = [link for link in list_of(item.get("links"), dict) if link.get("rel") not in _IMAGES]
    stac_item.read_links({**item, "links": links}, draft)
    return draft


def _task(kind: Any, draft: Draft) -> None:
    task = _TASKS.get(str(kind))
    if task is None:
        draft.leave(f"ml-model:prediction_type: {kind}", "DLM has no such task")
        return
    draft.fields["dlm:outputs"] = {"task": task}
    if kind == "segmentation":
        text = "the Item says segmentation; write instance or panoptic segmentation where it is one of them."
        draft.todo(("dlm:outputs", "task"), "task", text)


def _docker(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The image that a link or an asset names as `docker pull` takes it."""
    image = re.sub(r"^[a-z-]+://", "", str(raw.get("href")))
    name, colon, tag = image.rpartition(":")
    docker: dict[str, Any] = {"image_name": name, "tag": tag} if colon and "/" not in tag else {"image_name": image}
    if isinstance(raw.get("ml-model:requires-gpu"), bool):
        docker["gpu"] = raw["ml-model:requires-gpu"]
    if text_of(raw.get("ml-model:command")):
        docker["run"] = raw["ml-model:command"]
    return docker


def _asset(key: str, asset: dict[str, Any], draft: Draft) -> None:
    roles = asset.get("roles", [])
    if _CHECKPOINT in roles:
        asset["roles"] = ["weights", *(role for role in roles if role != _CHECKPOINT)]
    for field in [field for field in asset if field.startswith(_PREFIX)]:
        draft.leave(f"assets.{key}.{field}: {asset.pop(field)}", "DLM has no place for it")
