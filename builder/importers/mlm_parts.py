"""The parts of an Item with MLM: assets, bands, inputs and outputs, each as what a model file says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from builder import schema
from builder.diagnostic import Path
from builder.importers.draft import Draft, list_of, mapping_of, text_of
from builder.importers.mlm_scaling import read_scaling
from builder.mlm_values import DATA_TYPES, count_classes, to_slug
from builder.model import WEIGHT_ROLES

READ = frozenset(
    f"mlm:{key}"
    for key in (
        "name", "architecture", "tasks", "framework", "framework_version", "memory_size", "total_parameters",
        "pretrained", "pretrained_source", "accelerator", "accelerator_constrained", "input", "output", "entrypoint",
    )
)  # fmt: skip
"""The `mlm:` properties that are read; the others are listed as not carried over."""
TASKS: tuple[str, ...] = tuple(schema.load(schema.DLM)["definitions"]["output"]["properties"]["task"]["enum"])
_COMMON_NAMES = schema.load(schema.MODEL_FILE)["definitions"]["band"]["properties"]["common_name"]["enum"]
_BAND_KEYS = ("name", "common_name", "description", "center_wavelength", "full_width_half_max", "solar_illumination")
_DIMS = {
    **dict.fromkeys(("batch", "b", "n"), "batch"),
    **dict.fromkeys(("bands", "band", "channel", "channels", "c"), "dim"),
    **dict.fromkeys(("height", "h", "y"), "height"),
    **dict.fromkeys(("width", "w", "x"), "width"),
}
"""The names of dimensions that Items use, and DLM's."""
_ORDER = ["batch", "dim", "height", "width"]
_NUMPY = {mlm: numpy for numpy, mlm in DATA_TYPES.items() if mlm != "other"}


# --- assets and bands ------------------------------------------------------------------------------------------------


def _weights(assets: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [asset for asset in assets.values() if not WEIGHT_ROLES.isdisjoint(asset.get("roles", ()))]


def read_bands(
    properties: Mapping[str, Any], assets: Mapping[str, Mapping[str, Any]], draft: Draft
) -> list[dict[str, Any]]:
    """The bands of the imagery: those that the Item describes and that have the names in its inputs, else the names."""
    inputs = list_of(properties.get("mlm:input"), dict)
    wanted = [name for entry in inputs for name in band_names(entry)[0]]
    holders = [properties, *_weights(assets), *assets.values()]
    places = [holder.get(key) for key in ("eo:bands", "bands", "raster:bands") for holder in holders]
    candidates = [bands for place in places if (bands := list_of(place, dict))]
    for bands in candidates:
        if {str(band.get("name")) for band in bands}.issuperset(wanted):
            return [_band(band, draft) for band in bands]
    if candidates:
        draft.note(("eo:bands",), "The Item describes bands under other names than its inputs have; these are theirs.")
    return [{"name": name} for name in dict.fromkeys(wanted)]


def band_names(entry: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The names of the bands that an input reads, and of those that are calculated from others."""
    bands = [band if isinstance(band, dict) else {"name": band} for band in list_of(entry.get("bands"), object)]
    names = [(str(band.get("name")), "expression" in band) for band in bands]
    return [name for name, derived in names if not derived], [name for name, derived in names if derived]


def _band(raw: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    band = {key: raw.get(key, raw.get(f"eo:{key}")) for key in _BAND_KEYS}
    band["name"] = None if band["name"] is None else str(band["name"])
    if band["common_name"] not in (None, *_COMMON_NAMES):
        draft.leave(f"common_name: {band['common_name']}", "the EO extension does not have it")
        band["common_name"] = None
    return {key: value for key, value in band.items() if value is not None}


def pixel_type(
    inputs: list[dict[str, Any]], assets: Mapping[str, Mapping[str, Any]], draft: Draft
) -> str | None:  # fmt: skip
    """The type of the pixels: that of the bands, else that of the inputs where nothing is done to the pixels before."""
    of_bands = {
        text_of(band.get("data_type"))
        for asset in _weights(assets)
        for key in ("raster:bands", "bands")
        for band in list_of(asset.get(key), dict)
    }
    of_inputs = [text_of(mapping_of(entry.get("input")).get("data_type")) for entry in inputs]
    changed = any(
        entry.get(key) for entry in inputs for key in ("value_scaling", "norm_type", "pre_processing_function")
    )
    kinds = of_bands - {None} or ({*of_inputs} if not changed else set())
    kind = _NUMPY.get(kinds.pop() or "") if len(kinds) == 1 else None
    for index, stated in enumerate(of_inputs):
        if stated not in (None, "float32") and _NUMPY.get(stated) != kind:
            draft.leave(f"mlm:input[{index}].input.data_type: {stated}", "DLM has the type of the imagery")
    return kind


# --- inputs and outputs ----------------------------------------------------------------------------------------------


def read_inputs(inputs: list[dict[str, Any]], bands: list[dict[str, Any]], draft: Draft) -> list[dict[str, Any]]:
    """`dlm:inputs` from `mlm:input`."""
    return [_input(entry, index, bands, draft) for index, entry in enumerate(inputs)]


_INPUT_KEYS = frozenset({
    "name", "bands", "input", "value_scaling", "norm_type", "norm_by_channel", "norm_clip", "statistics",
    "pre_processing_function",
})  # fmt: skip


def _input(raw: Mapping[str, Any], index: int, bands: list[dict[str, Any]], draft: Draft) -> dict[str, Any]:
    place = f"mlm:input[{index}]"
    made: dict[str, Any] = {}
    if name := text_of(raw.get("name")):
        made["name"] = name
    tensor, channels = _tensor(mapping_of(raw.get("input")), f"{place}.input", draft)
    names, derived = band_names(raw)
    known = [str(band.get("name")) for band in bands]
    selected = list(range(len(known))) if names == known else [known.index(name) for name in names if name in known]
    for name in derived:
        draft.leave(
            f"{place}.bands: {name}", "it is calculated from other bands, so the bands of this input are not named"
        )
    if selected and not derived and channels not in (None, len(selected)):
        draft.leave(f"{place}.bands", f"what is fed has {channels} channels, made from {', '.join(names)}")
    elif not derived and selected:
        made["selected_band"] = selected
    if "selected_band" not in made and tensor.get("dim") == len(bands):
        # A model file without a selection whose channels are as many as its bands reads all bands.
        del tensor["dim"]
        draft.leave(f"{place}.input.shape: {channels} channels", "they are not the bands that the Item describes")
    if tensor:
        made["input_tensors"] = tensor
    made |= read_scaling(raw, len(made.get("selected_band", ())) or channels, place, draft)
    if function := _expression(raw.get("pre_processing_function"), f"{place}.pre_processing_function", draft):
        made["pre_processing_function"] = function
    _leave_rest(raw, _INPUT_KEYS, place, draft)
    return made


def _leave_rest(raw: Mapping[str, Any], read: frozenset[str], place: str, draft: Draft) -> None:
    for key in sorted(raw.keys() - read):
        if raw[key] not in (None, [], {}):
            draft.leave(f"{place}.{key}", "DLM has no place for it")


def _tensor(raw: Mapping[str, Any], place: str, draft: Draft) -> tuple[dict[str, int], int | None]:
    """The shape of an input, where it is batch, channels, height, width; and the number of channels, where it is."""
    shape, names = list_of(raw.get("shape"), int), list_of(raw.get("dim_order"), str)
    dims = [_DIMS.get(name.lower(), name) for name in names]
    sizes = dict(zip(dims, shape, strict=False))
    channels = sizes.get("dim", -1)
    if dims != _ORDER or len(shape) != len(dims):
        if shape:
            draft.leave(
                f"{place}.shape: {shape}", f"DLM wants batch, dim, height, width, and this is {', '.join(names)}"
            )
        return {}, channels if channels > 0 else None
    return {name: size for name, size in sizes.items() if size > 0}, channels if channels > 0 else None


def _expression(raw: Any, place: str, draft: Draft) -> str | None:
    """The Python function of a processing expression."""
    expressions = list_of(raw if isinstance(raw, list) else [raw], dict)
    text = text_of(expressions[0].get("expression")) if len(expressions) == 1 else None
    if text and expressions[0].get("format") == "python":
        return text
    for expression in expressions:
        draft.leave(f"{place}: {expression.get('expression')}", "DLM names one Python function")
    return None


_OUTPUT_KEYS = frozenset({
    "name", "tasks", "result", "classification:classes", "classification_classes", "post_processing_function",
})  # fmt: skip


def read_outputs(outputs: list[dict[str, Any]], draft: Draft) -> list[dict[str, Any]]:
    """`dlm:outputs` from `mlm:output`."""
    made = [_output(raw, index, draft) for index, raw in enumerate(outputs)]
    pairs = [(one, raw) for one, raw in zip(made, outputs, strict=True) if one]
    for index, (one, raw) in enumerate(pairs):
        if "final_layer_size" in one and _shape(raw)[0] < 1:
            path: Path = ("dlm:outputs", index) if len(pairs) > 1 else ("dlm:outputs",)
            draft.note((*path, "final_layer_size"), "The batch size is free; 1 stands for it.")
    return [one for one, _ in pairs]


def _shape(raw: Mapping[str, Any]) -> list[int]:
    return list_of(mapping_of(raw.get("result")).get("shape"), int)


def _output(raw: Mapping[str, Any], index: int, draft: Draft) -> dict[str, Any]:
    place = f"mlm:output[{index}]"
    made: dict[str, Any] = {}
    tasks = [task.replace("-", " ") for task in list_of(raw.get("tasks"), str)]
    known = [task for task in tasks if task in TASKS]
    if known:
        made["task"] = known[0]
    for task in [task for task in tasks if task not in known[:1]]:
        why = "DLM gives an output one task" if task in TASKS else "DLM has no such task"
        draft.leave(f"{place}.tasks: {to_slug(task)}", why)
    result, shape = mapping_of(raw.get("result")), _shape(raw)
    dims = [_DIMS.get(name.lower(), name) for name in list_of(result.get("dim_order"), str)]
    sizes = [1, *shape[1:]]
    ordered = dims[:1] == ["batch"] and dims[2:] == _ORDER[2 : len(dims)] and len(dims) == len(shape) <= 4
    if ordered and min(sizes) > 0:
        made["final_layer_size"] = [max(shape[0], 1), *shape[1:]]
    elif shape:
        draft.leave(f"{place}.result.shape: {shape}", "DLM wants batch, classes, height, width, each of a known size")
    classes = list_of(raw.get("classification:classes") or raw.get("classification_classes"), dict)
    mapping = [_class(entry, f"{place}.classes", draft) for entry in classes]
    nodata = [entry.get("nodata") is True for entry in classes]
    if mapping and all(mapping):
        if (number := count_classes(nodata, made.get("final_layer_size", ()))) is not None:
            made["number_of_classes"] = number
        made["class_name_mapping"] = mapping
        if any(nodata):
            made["dont_care_index"] = mapping[nodata.index(True)]["index"]
    elif mapping:
        draft.leave(f"{place}.classes", "a class has no name, or a value that is no index")
    if function := _expression(raw.get("post_processing_function"), f"{place}.post_processing_function", draft):
        made["post_processing_function"] = function
    name = text_of(raw.get("name"))
    if name and re.sub(r"-[0-9]+$", "", name) != to_slug(made.get("task", "output")):
        draft.leave(f"{place}.name: {name}", "DLM does not name outputs")
    if (kind := result.get("data_type")) not in (None, "float32"):
        draft.leave(f"{place}.result.data_type: {kind}", "DLM does not give the type of an output")
    _leave_rest(raw, _OUTPUT_KEYS, place, draft)
    return made


def _class(raw: Mapping[str, Any], place: str, draft: Draft) -> dict[str, Any]:
    """A class; empty without a name, or with a value that is no index."""
    value, title = raw.get("value"), text_of(raw.get("title"))
    name = text_of(raw.get("name")) or title or text_of(raw.get("description"))
    if not isinstance(value, int) or isinstance(value, bool) or value < 0 or name is None:
        return {}
    made: dict[str, Any] = {"index": value, "class_name": name}
    description = text_of(raw.get("description"))
    if description and description != name:
        made["description"] = description
    if title and title.lower() != name.lower():
        draft.leave(f"{place}: title {title}", f"DLM has one name, {name}")
    hint = raw.get("color_hint")
    if isinstance(hint, list) and len(hint) == 3 and all(isinstance(part, int) and 0 <= part < 256 for part in hint):
        hint = "".join(f"{part:02x}" for part in hint)
    if isinstance(hint, str) and re.fullmatch(r"#?[0-9A-Fa-f]{6}", hint):
        made["color"] = f"#{hint.removeprefix('#')}"
    elif hint is not None:
        draft.leave(f"{place}: color_hint {hint}", "it is no colour in hexadecimal")
    return made
