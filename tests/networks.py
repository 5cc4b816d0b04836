"""Small ONNX models, written here, and published Items that describe them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from cards import to_entry
from onnx import TensorProto, helper, numpy_helper, save_model

CLASSES = [
    {"index": 0, "class_name": "land", "color": "#112233"},
    {"index": 1, "class_name": "water", "color": "#0000ff"},
    {"index": 2, "class_name": "ice"},
]
MODEL: dict[str, Any] = {
    "id": "net",
    "collection": "small",
    "description": "A network of one layer.",
    "license": "CC0-1.0",
    "version": "1.2",
    "eo:bands": [
        {"name": "B02", "common_name": "blue"},
        {"name": "B03", "common_name": "green"},
        {"name": "B04", "common_name": "red"},
    ],
    "dlm:data": {"dtype": "uint16", "nodata_value": 0, "number_of_bands": 3},
    "dlm:inputs": {
        "name": "image",
        "input_tensors": {"dim": 2, "height": 32, "width": 32},
        "selected_band": [2, 0],
        "scaling_factor": 0.001,
        "normalization:mean": [0.5, 0.4],
        "normalization:std": [0.3, 0.2],
    },
    "dlm:outputs": {"task": "semantic segmentation", "number_of_classes": 3, "class_name_mapping": CLASSES},
    "assets": {"weights": {"href": "net.onnx", "roles": ["weights"], "type": "application/octet-stream"}},
}
"""Two of three bands to three classes."""


def kernel(channels: int = 2, classes: int = 3, side: int = 5) -> Any:
    return np.random.default_rng(5).normal(size=(classes, channels, side, side)).astype("float32")


def write_network(
    location: Path,
    size: tuple[Any, Any] = (32, 32),
    *,
    weights: Any = None,
    batch: Any = "N",
    inputs: int = 1,
    stride: int = 1,
    pooled: bool = False,
) -> Path:
    """A convolution with zeros around the image, whose pixels see half the kernel's side; after it, if asked for, the
    mean over the image."""
    weights = kernel() if weights is None else weights
    classes, channels, side, _ = weights.shape
    names = ["image", *(f"image_{n}" for n in range(1, inputs))]
    sums = ["image"]
    nodes = []
    for name in names[1:]:
        nodes.append(helper.make_node("Add", [sums[-1], name], [f"{name}_sum"]))
        sums.append(f"{name}_sum")
    out = "convolved" if pooled else "scores"
    pads = [side // 2] * 4
    nodes.append(helper.make_node("Conv", [sums[-1], "kernel"], [out], pads=pads, strides=[stride, stride]))
    if pooled:
        nodes += [
            helper.make_node("GlobalAveragePool", [out], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["scores"]),
        ]
    sides = [s // stride if isinstance(s, int) else f"{s}_out" if stride > 1 else s for s in size]
    shape = [batch, classes] if pooled else [batch, classes, *sides]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels, *size]) for name in names],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    location.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, location)
    return location


def write_item(folder: Path, data: dict[str, Any] | None = None, *, checksum: bool = True, **network: Any) -> Path:
    """The published Item of a model and its weights in a folder; the place of the Item."""
    data = MODEL if data is None else data
    weights = write_network(folder / "net.onnx", **network)
    item = json.loads(json.dumps(to_entry(data).item))
    if checksum:
        content = weights.read_bytes()
        about = {"file:size": len(content), "file:checksum": f"1220{hashlib.sha256(content).hexdigest()}"}
        item["assets"]["weights"].update(about)
    location = folder / f"{data['id']}.json"
    location.write_text(json.dumps(item), "utf-8")
    return location


def convolve(tensor: Any, weights: Any) -> Any:
    """The same convolution in float64, written out."""
    side = weights.shape[-1]
    half = side // 2
    padded = np.pad(tensor.astype("float64"), ((0, 0), (half, half), (half, half)))
    rows, columns = tensor.shape[1:]
    made = np.zeros((weights.shape[0], rows, columns))
    for i in range(side):
        for j in range(side):
            made += np.einsum("kc,chw->khw", weights[:, :, i, j], padded[:, i : i + rows, j : j + columns])
    return made
