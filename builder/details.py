"""What matching and comparing need of a model, as a small record that the pages read too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builder.model import Model, to_model
from builder.stac import OPEN_END, OPEN_START

WORLD = (-180, -90, 180, 90)


def item_to_model(item: Mapping[str, Any]) -> Model:
    """The model that a published Item describes."""
    return to_model({**item["properties"], **{key: item[key] for key in ("id", "collection", "bbox", "assets")}})


def to_record(model: Model) -> dict[str, Any]:
    """What matching and comparing need of a model; what is not stated is left out."""
    inputs = [_input(model, index) for index in range(len(model.inputs))]
    if not inputs and (bands := [_band(band) for band in model.selected_bands()]):
        inputs = [{"bands": bands}]
    parameters = [a.total_nb_parameters for a in model.architecture if a.total_nb_parameters is not None]
    numbers = [o.number_of_classes or len(o.class_name_mapping) for o in model.outputs]
    start, end = model.fields.get("start_datetime"), model.fields.get("end_datetime")
    moment = model.fields.get("datetime")
    box = flat_box(model.bbox)
    record = {
        "id": model.id,
        "folder": f"{model.collection}/{model.id}",
        "title": model.name,
        "language": model.foreign.get("title"),
        "version": model.version,
        "license": model.license,
        "deprecated": model.deprecated or None,
        "withdrawn": (model.withdrawn.since or "")[:10] if model.withdrawn else None,
        "tasks": list(model.tasks),
        "sensors": list(model.sensors),
        "instruments": list(model.instruments),
        "gsd": model.gsd,
        "levels": _distinct(data.process_level for data in model.data),
        "dtypes": _distinct(data.dtype for data in model.data),
        "inputs": inputs,
        "architectures": _distinct(network.type for network in model.architecture),
        "pretrained": _distinct(a.pretrained for a in model.architecture if isinstance(a.pretrained, str)),
        "parameters": sum(parameters) if parameters else None,
        "size": size_of(model),
        "frameworks": _distinct(
            " ".join(filter(None, (runtime.framework, runtime.version))) or None for runtime in model.runtime
        ),
        "classes": _distinct(c.class_name for output in model.outputs for c in output.class_name_mapping),
        "number_of_classes": next((number for number in numbers if number), None),
        "bbox": box if box and tuple(box) != WORLD else None,
        "start": moment or (start if start != OPEN_START else None),
        "end": moment or (end if end != OPEN_END else None),
    }
    return {key: value for key, value in record.items() if value is not None and value != []}


def size_of(model: Model) -> float | None:
    """Megabytes of 1000² bytes: of the file with the weights, else as the author estimates the network."""
    size = model.weights.fields.get("file:size") if model.weights else None
    if isinstance(size, int) and size > 0:
        return round(size / 1e6, 2)
    sizes = [a.estimated_total_size_mb for a in model.architecture if a.estimated_total_size_mb is not None]
    return round(sum(sizes) * 1.048576, 2) if sizes else None


def _input(model: Model, index: int) -> dict[str, Any]:
    entry = model.inputs[index]
    tensor = entry.input_tensors[0] if entry.input_tensors else None
    shape = [tensor.batch, tensor.dim, tensor.height, tensor.width] if tensor else []
    made = {
        "name": entry.name,
        "shape": shape if any(size is not None for size in shape) else None,
        "bands": [_band(band) for band in model.selected_bands(index)],
        "scaling": entry.scaling_factor,
        "mean": list(entry.normalization_mean),
        "std": list(entry.normalization_std),
    }
    return {key: value for key, value in made.items() if value is not None and value != []}


def _band(band: Any) -> list[Any]:
    return [band.name, band.common_name, band.center_wavelength, band.full_width_half_max]


def _distinct(values: Any) -> list[Any]:
    return list(dict.fromkeys(value for value in values if value is not None))


def flat_box(box: Sequence[float]) -> list[float]:
    """A box without its heights."""
    return [*box[:2], *box[3:5]] if len(box) == 6 else list(box)
