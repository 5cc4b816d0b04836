"""models.json: one small record for each model, for programs that choose among them without reading every Item.

Of a large catalog the records are in parts, which models.json names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from builder import GENERATOR, division, schema
from builder.catalog import CatalogInfo, Entry, Told, to_reference
from builder.exporters.form import Export
from builder.model import is_relative
from builder.output import Artifact, Part, to_json

VERSION = "1.2.0"
"""Version of the form of models.json. A new field raises the second number, a changed or removed one the first."""

WHOLE = 5000
"""Models up to which one file, or one part, holds them all: about 12 MB."""


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:
    """models.json; docs/reference/models-json.md describes it. Facts that are not stated are left out."""
    return Export(tuple(artifact for part in parts(entries, catalog) for artifact in part.make()))


def parts(entries: Sequence[Entry], catalog: CatalogInfo) -> Iterator[Part]:
    """The same, in parts that are made of different models."""
    about = {
        "version": VERSION,
        "generator": GENERATOR,
        "schema": schema.MODELS_PATH,
        "catalog": {"id": catalog.id, "title": catalog.title, "href": "catalog.json"},
    }
    named = []
    for path, collection, members in _divide(entries) if len(entries) > WHOLE else [("models.json", "", entries)]:
        named.append({"href": path, "collection": collection, "models": len(members)})
        yield Part(f"export {path}", (about, Told(members, to_record)), partial(_records, path, about, members))
    if len(entries) > WHOLE:
        yield Part(
            "export models", (about, named), lambda: [Artifact("models.json", to_json({**about, "parts": named}))]
        )


def _records(path: str, about: Mapping[str, Any], entries: Sequence[Entry]) -> Iterator[Artifact]:
    yield Artifact(path, to_json({**about, "models": [entry.recall(to_record) for entry in entries]}))


def _divide(entries: Sequence[Entry]) -> Iterator[tuple[str, str, list[Entry]]]:
    """The entries of each collection, or of each group of one that is large itself, with the path of their part."""
    by_collection: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        reference = entry.recall(to_reference)
        by_collection[reference.collection][reference.id] = entry
    for collection, members in sorted(by_collection.items()):
        for group in division.divide(members, WHOLE).leaves:
            name = f"models-{group.prefix}.json" if group.prefix else "models.json"
            yield f"{collection}/{division.FOLDER}/{name}", collection, [members[key] for key in group.members]


def read_records(read: Callable[[str], Any]) -> Iterator[dict[str, Any]]:
    """The records of a published models.json and its parts; `read` gives the JSON at a path of the site."""
    index = read("models.json")
    yield from index.get("models", ())
    for part in index.get("parts", ()):
        yield from read(part["href"])["models"]


def to_record(entry: Entry) -> dict[str, Any]:
    """The record of a model."""
    model, properties = entry.model, entry.item["properties"]
    bands = {band.common_name or band.name: None for i in range(len(model.inputs)) for band in model.selected_bands(i)}
    parameters = [a.total_nb_parameters for a in model.architecture if a.total_nb_parameters is not None]
    classes = [output.number_of_classes for output in model.outputs if output.number_of_classes is not None]
    record: dict[str, Any] = {
        "id": model.id,
        "collection": model.collection,
        "title": model.name,
        "href": entry.href,
        "card": f"{entry.folder}/index.html",
        "description": model.description,
        "license": model.license,
        "version": model.version,
        "deprecated": model.deprecated,
        "withdrawn": properties.get("dlm:withdrawn"),
        "updated": properties.get("updated"),
        "keywords": list(model.keywords),
        "tasks": list(model.tasks),
        "sensors": list(model.sensors),
        "instruments": list(model.instruments),
        "gsd": model.gsd,
        "bands": [band for band in bands if band],
        "process_levels": _distinct(data.process_level for data in model.data),
        "dtypes": _distinct(data.dtype for data in model.data),
        "inputs": [_input(model.inputs[i]) for i in range(len(model.inputs))],
        "architectures": _distinct(network.type for network in model.architecture),
        "parameters": sum(parameters) if parameters else None,
        "classes": classes[0] if len(classes) == 1 else None,
        "frameworks": _distinct(runtime.framework for runtime in model.runtime),
        "gpu": next((d.gpu for r in model.runtime for d in r.docker if d.gpu is not None), None),
        "weights": _from_root(entry, entry.item["assets"][model.weights.key]["href"]) if model.weights else None,
        "bbox": entry.item["bbox"],
    }
    return {key: value for key, value in record.items() if value is not None and value != []}


def _from_root(entry: Entry, href: str) -> str:
    """The href as seen from models.json: a local file lies in the folder of its model."""
    return f"{entry.folder}/{href.removeprefix('./')}" if is_relative(href) else href


def _distinct(values: Any) -> list[Any]:
    return list(dict.fromkeys(value for value in values if value is not None))


def _input(entry: Any) -> dict[str, Any]:
    tensor = entry.input_tensors[0] if len(entry.input_tensors) == 1 else None
    shape = [tensor.batch, tensor.dim, tensor.height, tensor.width] if tensor else None
    record = {
        "name": entry.name,
        "shape": shape,
        "scaling_factor": entry.scaling_factor,
        "mean": list(entry.normalization_mean) or None,
        "std": list(entry.normalization_std) or None,
    }
    return {key: value for key, value in record.items() if value is not None}
