"""Stage 4, map: what a model says in `dlm:`, said in MLM 1.5.2, the extension that succeeded DLM, as well.

`to_mlm` is the correspondence; docs/reference/mlm.md has it as a table. Every fact goes to the MLM field that means the
same, none is made up, and what has no place there is listed as a loss. The way back is `importers.mlm`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from builder.diagnostic import Path
from builder.mlm_values import (
    DATA_TYPES,
    UNKNOWN,
    count_classes,
    fit_name,
    to_artifact_type,
    to_slug,
    to_value_scaling,
    to_version,
    unused,
)  # fmt: skip
from builder.model import Data, Docker, Model, Output, Tensor
from builder.words import say

MLM_URI = "https://stac-extensions.github.io/mlm/v1.5.2/schema.json"
# The version whose definitions the MLM schema refers to.
PROCESSING_URI = "https://stac-extensions.github.io/processing/v1.1.0/schema.json"
PREFIX = "mlm:"
CONTAINER_TYPE = "application/vnd.oci.image.index.v1+json"
FROM_SCRATCH = frozenset({"none", "scratch", "null", "false"})
TENSOR_DIMS = ("batch", "dim", "height", "width")
_FLOAT = "float32"
_CLASS_TASKS = ("classification", "semantic segmentation", "instance segmentation", "panoptic segmentation")
_FRAMEWORK = re.compile(r"[^\s._-](.*[^\s._-])?")


class Loss(NamedTuple):
    """A fact of the model that has no place in MLM, by its path in the model file, and why."""

    path: Path
    why: str

    @property
    def place(self) -> str:
        """The path as text."""
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).removeprefix(".")

    def __str__(self) -> str:
        return f"{self.place}: {self.why}"


@dataclass(frozen=True, slots=True)
class Mlm:
    """What MLM adds to an Item: properties, and assets by key with what they had before.

    Both are empty where there can be no MLM; `notes` says why, or what MLM requires that the model file does not state.
    """

    properties: Mapping[str, Any] = field(default_factory=dict)
    assets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()


def join(item: Mapping[str, Any], mlm: Mlm) -> dict[str, Any]:
    """The Item with what MLM adds to it, but for the ids in `stac_extensions`."""
    properties, assets = {**item["properties"], **mlm.properties}, {**item["assets"], **mlm.assets}
    return {**item, "properties": properties, "assets": assets}


def without_derived(properties: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The properties of an Item without those that MLM added: they say again what `dlm:` says."""
    return {key: value for key, value in properties.items() if not key.startswith(PREFIX) or key in model.fields}


def why_not(model: Model) -> str | None:
    """Why a model cannot be said in MLM, or None when it can."""
    return None if model.weights else say("MLM requires an asset with the role weights, and there is none")


def to_mlm(model: Model, item: Mapping[str, Any]) -> Mlm:
    """The MLM fields of a model whose Item, without them, is `item`.

    Where the author gives `mlm:` properties these stand alone, and nothing is added.
    """
    if any(key.startswith(PREFIX) for key in item["properties"]):
        return Mlm(notes=(say("the model file has mlm: fields of its own; nothing is added to them"),))
    if reason := why_not(model):
        return Mlm(notes=(reason,))
    mapping = _Mapping(model, item)
    properties = mapping.properties()
    assets = mapping.assets()
    return Mlm(properties, assets, tuple(mapping.notes), tuple(dict.fromkeys(mapping.losses)))


class _Mapping:
    """One model on its way to MLM, with what is noted and lost."""

    def __init__(self, model: Model, item: Mapping[str, Any]) -> None:
        self.model = model
        self.item = item
        self.notes: list[str] = []
        self.losses: list[Loss] = []

    def lose(self, path: Path, why: str) -> None:
        self.losses.append(Loss(path, why))

    def lose_each(self, owner: Any, why: str, *keys: str) -> None:
        """Loses those of an object's fields that are stated."""
        for key in keys:
            if getattr(owner, key) not in (None, ()):
                self.lose((*owner.path, key), why)

    # --- properties ---

    def properties(self) -> dict[str, Any]:
        model = self.model
        made: dict[str, Any] = {"mlm:name": fit_name(model.own_name, model.id)}
        made |= self.architecture()
        made["mlm:tasks"] = [to_slug(task) for task in model.tasks]
        made |= self.runtime()
        made["mlm:input"] = [self.input(index) for index in range(len(model.inputs))]
        made["mlm:output"] = self.outputs()
        for key, what in (
            ("mlm:tasks", say("task")),
            ("mlm:input", say("input")),
            ("mlm:output", say("output with a shape")),
        ):
            if not made[key]:
                self.notes.append(say("{0} is empty: no {1} is stated", key, what))
        batches = {tensor.batch for entry in model.inputs for tensor in entry.input_tensors if tensor.batch}
        if len(batches) == 1:
            made["mlm:batch_size_suggestion"] = batches.pop()
        made |= self.data()
        for member in model.archive:
            self.lose(member.path, say("MLM does not list what is inside an archive"))
        return made

    def architecture(self) -> dict[str, Any]:
        first, *others = self.model.architecture or (None,)
        for other in others:
            if other is not None:
                self.lose(other.path, say("MLM describes one architecture"))
        made: dict[str, Any] = {"mlm:architecture": (first.type if first else None) or UNKNOWN}
        if first is None:
            return made
        if first.total_nb_parameters is not None:
            made["mlm:total_parameters"] = first.total_nb_parameters
        if first.estimated_total_size_mb is not None:
            size = first.estimated_total_size_mb * 1024**2
            if isinstance(size, int) or math.isfinite(size):
                made["mlm:memory_size"] = round(size)
            else:
                self.lose_each(first, say("no number of bytes says this"), "estimated_total_size_mb")
        if first.pretrained_stated:
            source = first.pretrained
            scratch = not source or (isinstance(source, str) and source.strip().lower() in FROM_SCRATCH)
            made["mlm:pretrained"] = not scratch
            if scratch or isinstance(source, str):
                made["mlm:pretrained_source"] = None if scratch else source
        self.lose_each(first, say("MLM has no list of layers"), "summary")
        return made

    def runtime(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for number, runtime in enumerate(self.model.runtime):
            if number:
                self.lose_each(runtime, say("MLM names one framework"), "framework", "version")
            else:
                if runtime.framework and _FRAMEWORK.fullmatch(runtime.framework):
                    made["mlm:framework"] = runtime.framework
                else:
                    self.lose_each(runtime, say("MLM's names begin and end with a letter or digit"), "framework")
                if runtime.version and (version := to_version(runtime.version)):
                    made["mlm:framework_version"] = version
                else:
                    self.lose_each(runtime, say("MLM wants a semantic version"), "version")
            self.lose_each(runtime, say("MLM has no place for it"), "model_commit_hash", "requirement_file")
            for docker in runtime.docker:
                self.lose_each(docker, say("MLM has no place for it"), "docker_file", "working_dir", "run")
                if docker.gpu:
                    made |= {"mlm:accelerator": "cuda", "mlm:accelerator_constrained": True}
                else:
                    self.lose_each(docker, say("MLM cannot say that no accelerator is needed"), "gpu")
        return made

    def data(self) -> dict[str, Any]:
        levels = {data.process_level for data in self.model.data if data.process_level}
        level = levels.pop() if len(levels) == 1 else None
        stated = "processing:level" in self.item["properties"]
        read = [self.data_of(index) for index in range(len(self.model.inputs))]
        for data in self.model.data:
            if data not in read:
                self.lose_each(data, say("no input of its own reads this imagery"), "dtype", "useful_bands")
            if level is None or level == "ortho":
                why = say("processing:level takes a level") if level else say("an Item has one processing:level")
                self.lose_each(data, why, "process_level")
            self.lose_each(data, say("MLM does not describe the imagery"), "number_of_bands", "test_file")
            if data.nodata_stated:
                self.lose((*data.path, "nodata_value"), say("MLM does not describe the imagery"))
        return {"processing:level": level} if level and level != "ortho" and not stated else {}

    # --- inputs and outputs ---

    def data_of(self, index: int) -> Data | None:
        """The imagery that an input reads: its own, or the only one there is."""
        data = self.model.data
        if len(data) == 1:
            return data[0]
        return data[index] if index < len(data) == len(self.model.inputs) else None

    def input(self, index: int) -> dict[str, Any]:
        entry, data = self.model.inputs[index], self.data_of(index)
        bands = self.band_names(index)
        scaling = to_value_scaling(entry)
        if scaling is None:
            self.lose(entry.path, say("no finite number says its scaling and normalisation in one step"))
        order = ["batch", "bands" if bands else "channel", "height", "width"]
        kind = DATA_TYPES.get(data.dtype or "", _FLOAT) if data else _FLOAT
        if scaling:
            kind = _FLOAT
        if data is not None and data.dtype is not None and DATA_TYPES.get(data.dtype) != kind:
            self.lose_each(data, say("MLM gives the type of what the network is fed, not of the imagery"), "dtype")
        if not entry.name:
            self.notes.append(say("mlm:input[{0}].name is made up: no name is stated", index))
        made: dict[str, Any] = {
            "name": entry.name or ("input" if len(self.model.inputs) == 1 else f"input-{index + 1}"),
            "bands": bands,
            "input": {"shape": self.shape(entry.input_tensors, bands), "dim_order": order, "data_type": kind},
        }
        if scaling:
            made["value_scaling"] = scaling
        if entry.pre_processing_function:
            made["pre_processing_function"] = {"format": "python", "expression": entry.pre_processing_function}
        if len(entry.input_tensors) > 1 and any(tensor != entry.input_tensors[0] for tensor in entry.input_tensors):
            self.lose((*entry.path, "input_tensors"), say("MLM gives one shape; where they differ it is free"))
        return made

    def band_names(self, index: int) -> list[str]:
        """The names of the bands that an input reads, as far as the Item describes bands that can be named."""
        entry, chosen = self.model.inputs[index], self.model.selected_bands(index)
        names = [band.name or band.common_name or "" for band in chosen]
        weights = [asset for asset in self.model.assets if asset.is_weights]
        described = self.model.bands or all("eo:bands" in asset.fields for asset in weights)
        if names and all(names) and described:
            return names
        why = say("MLM names bands that eo:bands describes, and it does not name these")
        for owner, key in ((entry, "selected_band"), (self.data_of(index), "useful_bands")):
            if owner is not None:
                self.lose_each(owner, why, key)
        return []

    def shape(self, tensors: tuple[Tensor, ...], bands: list[str]) -> list[int]:
        sizes = [{getattr(tensor, name) for tensor in tensors} for name in TENSOR_DIMS]
        shape = [(found.pop() or -1) if len(found) == 1 else -1 for found in sizes]
        if bands and all(tensor.dim is None for tensor in tensors):
            shape[1] = len(bands)
        return shape

    def outputs(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for output in self.model.outputs:
            rank = len(output.final_layer_size)
            if not 1 <= rank <= 4:
                why = (
                    say("MLM requires the shape of an output")
                    if rank == 0
                    else say("dlm:outputs names four dimensions")
                )
                keys = ("number_of_classes", "class_name_mapping", "dont_care_index", "post_processing_function")
                self.lose_each(output, why, "final_layer_size", *keys)
                continue
            made.append(self.output(output, unused(to_slug(output.task or "output"), [one["name"] for one in made])))
            self.notes.append(say("mlm:output[{0}].result.data_type is taken to be {1}", len(made) - 1, _FLOAT))
        return made

    def output(self, output: Output, name: str) -> dict[str, Any]:
        channel = "class" if output.task in _CLASS_TASKS else "channel"
        shape = list(output.final_layer_size)
        order = ["batch", channel, "height", "width"][: len(shape)]
        made: dict[str, Any] = {
            "name": name,
            "tasks": [to_slug(output.task)] if output.task else [],
            "result": {"shape": shape, "dim_order": order, "data_type": _FLOAT},
        }
        nodata = [entry.index == output.dont_care_index for entry in output.class_name_mapping]
        if output.class_name_mapping:
            made["classification:classes"] = [
                {
                    "value": entry.index,
                    "name": entry.class_name,
                    "description": entry.description or entry.class_name,  # the extension requires one
                    **({"color_hint": entry.color.removeprefix("#")} if entry.color else {}),
                    **({"nodata": True} if ignored else {}),
                }
                for entry, ignored in zip(output.class_name_mapping, nodata, strict=True)
            ]
        if not any(nodata):
            self.lose_each(
                output, say("MLM marks a class that does not count, and none has this index"), "dont_care_index"
            )
        if output.number_of_classes != count_classes(nodata, shape):
            self.lose_each(output, say("MLM counts the classes that are listed"), "number_of_classes")
        if output.post_processing_function:
            made["post_processing_function"] = {"format": "python", "expression": output.post_processing_function}
        return made

    # --- assets ---

    def assets(self) -> dict[str, dict[str, Any]]:
        """The assets that MLM changes or adds, by key."""
        made: dict[str, dict[str, Any]] = {}
        frameworks = [runtime.framework or "" for runtime in self.model.runtime]
        for asset in self.model.assets:
            if asset.is_weights:
                fields = dict(self.item["assets"][asset.key])
                made[asset.key] = {
                    **fields,
                    "roles": [*dict.fromkeys((*fields.get("roles", ()), "mlm:model", "mlm:weights"))],
                    "mlm:artifact_type": fields.get("mlm:artifact_type") or to_artifact_type(asset, frameworks),
                }
        for runtime in self.model.runtime:
            url, handler = runtime.model_src_url, runtime.model_handler
            known = {**self.item["assets"], **made}
            if url and re.match(r"https?://\S+$", url):
                stated = [key for key, asset in known.items() if asset.get("href") == url]
                key = stated[0] if stated else unused("source", known)
                about = {"href": url, "type": "text/html", "title": "Source code"}
                fields = dict(known.get(key, about))
                fields["roles"] = [*dict.fromkeys((*fields.get("roles", ()), "code"))]
            else:
                self.lose_each(runtime, say("an asset has an address"), "model_src_url")
                key = next((key for key, asset in known.items() if "code" in asset.get("roles", ())), "")
                fields = dict(known.get(key, {}))
            if fields and handler and fields.setdefault("mlm:entrypoint", handler) != handler:
                self.lose_each(runtime, say("the asset {0} has another entrypoint", key), "model_handler")
            if not fields:
                self.lose_each(runtime, say("MLM gives it with the source code, which has no address"), "model_handler")
            elif fields != known.get(key):
                made[key] = fields
            for docker in runtime.docker:
                made |= self.container(docker, {**self.item["assets"], **made})
        return made

    def container(self, docker: Docker, known: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        if docker.image_name is None:
            self.lose_each(docker, say("MLM gives it with the name of the image"), "tag")
            return {}
        tagged = ":" in docker.image_name.rpartition("/")[2] or "@" in docker.image_name
        if tagged:
            self.lose_each(docker, say("the name of the image has one"), "tag")
        image = docker.image_name if tagged or not docker.tag else f"{docker.image_name}:{docker.tag}"
        # The way to write an image as a URI that container tools read: containers-transports(5).
        href = f"docker://{quote(image, safe='/:@')}"
        if any("runtime" in asset.get("roles", ()) and asset.get("href") in (href, image) for asset in known.values()):
            return {}
        key = unused("container", known)
        return {key: {"href": href, "type": CONTAINER_TYPE, "title": "Container image", "roles": ["runtime"]}}
