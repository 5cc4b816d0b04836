"""JSON Schemas of what goes to a server of the model and comes back, in the Open Inference Protocol, version 2.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from typing import Any

from builder.deploy.sheet import DeployFile, InputTensor, Sheet, Site, Withheld, to_inputs, to_server_type
from builder.model import Model, Output
from builder.output import to_json
from builder.words import mark, say

REQUEST, RESPONSE = "request.schema.json", "response.schema.json"
TYPES = (
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES",
)  # fmt: skip
"""The protocol's names of types."""
_PARAMETERS = {"$ref": "#/$defs/parameters"}
_SHARED = {
    "parameters": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
    "tensor": {
        "$comment": "Data are in the JSON, or in bytes behind it: the protocol's extension for binary data.",
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {"parameters": _PARAMETERS},
        "anyOf": [
            {"required": ["data"]},
            {"required": ["parameters"], "properties": {"parameters": {"required": ["binary_data_size"]}}},
        ],
    },
}
_TENSOR = {"$ref": "#/$defs/tensor"}


def render_request(site: Site) -> DeployFile | Withheld:
    """The schema of a request: each input with its name, shape and type."""
    sheet, model = Sheet(REQUEST, mark("Schema of a request")), site.model
    inputs = to_inputs(sheet, model)
    if sheet.missing:
        return sheet.withheld()
    named = [{"contains": {"required": ["name"], "properties": {"name": {"const": one.name}}}} for one in inputs]
    requested = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "parameters": True}}
    return _finish(
        sheet,
        model,
        {
            "required": ["inputs"],
            "properties": {
                "id": {"type": "string"},
                "parameters": _PARAMETERS,
                "inputs": {
                    "type": "array",
                    "minItems": len(inputs),
                    "maxItems": len(inputs),
                    "items": {"oneOf": [_to_tensor(one) for one in inputs]},
                    "allOf": named,
                },
                "outputs": {"type": "array", "items": requested},
            },
        },
    )


def render_response(site: Site) -> DeployFile | Withheld:
    """The schema of a response: as many outputs as the model has, with their shapes."""
    sheet, model = Sheet(RESPONSE, mark("Schema of a response")), site.model
    shaped = [output for output in model.outputs if output.final_layer_size]
    if not shaped:
        path = model.outputs[0].path if model.outputs else ("dlm:outputs",)
        sheet.lack((*path, "final_layer_size"), say("the shape of the output"))
        return sheet.withheld()
    for output in shaped:
        sheet.state((*output.path, "final_layer_size"), " × ".join(map(str, output.final_layer_size)))
    sheet.inferred.append("the first size is that of the batch, and is the request's")
    sheet.inferred.append("names and types of the outputs are not stated, so any are allowed")
    tensors = [entry.input_tensors for entry in model.inputs]
    free = any(tensor.height is None or tensor.width is None for group in tensors for tensor in group)
    if free:
        sheet.inferred.append("sizes after the channels follow those of the input, which are free")
    return _finish(
        sheet,
        model,
        {
            "required": ["model_name", "outputs"],
            "properties": {
                "model_name": {"type": "string"},
                "model_version": {"type": "string"},
                "id": {"type": "string"},
                "parameters": _PARAMETERS,
                "outputs": {
                    "type": "array",
                    "items": {"anyOf": [_to_result(output, free=free) for output in model.outputs]},
                },
            },
        },
    )


def _finish(sheet: Sheet, model: Model, body: dict[str, Any]) -> DeployFile:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{sheet.title}: {model.collection}/{model.id}",
        "$comment": "\n".join(sheet.head(model)),
        "type": "object",
        **body,
        "$defs": _SHARED,
    }
    return sheet.finish(to_json(schema).decode())


def _to_tensor(tensor: InputTensor) -> dict[str, Any]:
    kind = to_server_type(tensor.dtype)
    return {
        **_TENSOR,
        "properties": {
            "name": {"const": tensor.name},
            "shape": {"anyOf": [_to_shape(shape) for shape in tensor.shapes]},
            "datatype": {"const": kind},
            "data": _to_data(kind),
        },
    }


def _to_result(output: Output, *, free: bool) -> dict[str, Any]:
    sizes = tuple(
        -1 if place == 0 or (free and place > 1) else size for place, size in enumerate(output.final_layer_size)
    )
    shape = _to_shape(sizes) if sizes else {"type": "array", "items": {"type": "integer", "minimum": 0}}
    return {
        **_TENSOR,
        "properties": {
            "name": {"type": "string"},
            "shape": shape,
            "datatype": {"enum": TYPES},
            "data": {"type": "array"},
        },
    }


def _to_shape(shape: tuple[int, ...]) -> dict[str, Any]:
    sizes = [{"type": "integer", "minimum": 1} if size < 0 else {"const": size} for size in shape]
    return {"type": "array", "minItems": len(sizes), "maxItems": len(sizes), "prefixItems": sizes}


def _to_data(kind: str) -> dict[str, Any]:
    """Numbers of a type, flat or nested as the shape is; what is nested is not looked into."""
    number: dict[str, Any] = {"type": "boolean" if kind == "BOOL" else "number"}
    if kind.startswith(("INT", "UINT")):
        bits = int(kind.lstrip("UINT"))
        signed = kind.startswith("INT")
        number = {"type": "integer", "minimum": -(2 ** (bits - 1)) if signed else 0}
        number["maximum"] = 2 ** (bits - signed) - 1
    return {"type": "array", "items": {"anyOf": [number, {"type": "array"}]}}
