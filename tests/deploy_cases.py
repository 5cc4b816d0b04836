"""Models for the tests of deploy files: every kind of weights, inputs, outputs and containers, and none of each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cards import TITLES

from builder.catalog import Entry
from builder.model import to_model
from builder.source import LocalFile
from builder.stac import to_item

BASE_URL = "https://models.example.org/catalog"
MEAN = {"normalization:mean": [0.1, 0.2, 0.3], "normalization:std": [1, 1, 1], "selected_band": [2, 1, 0]}
TENSOR = {"dim": 3, "height": 64, "width": 64}

WEIGHTS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "onnx by name": {"href": "https://example.com/net.onnx"},
    "onnx by type": {"href": "s3://bucket/net", "type": "application/octet-stream; application=onnx"},
    "onnx, usual name": {"href": "https://example.com/a/model.onnx", "mlm:artifact_type": "onnx.save"},
    "onnx in a package": {"href": "pkg:pypi/net@1.0#net/net.onnx"},
    "onnx, local": {"href": "files/net v1.onnx"},
    "torchscript": {"href": "gs://bucket/net.pt", "mlm:artifact_type": "torch.jit.save"},
    "pickle": {"href": "https://example.com/net.pth"},
}
INPUTS: dict[str, Any] = {
    "none": None,
    "one": {"name": "x", "input_tensors": TENSOR, **MEAN},
    "one, fixed batch": {"name": "x", "input_tensors": {"batch": 4, **TENSOR}},
    "one, by bands": {"name": 'x:0 "quoted" \\ é\n#', **MEAN},
    "one, unnamed": {"input_tensors": TENSOR},
    "one, shapeless": {"name": "x"},
    "two": [
        {"name": "a", "input_tensors": TENSOR},
        {"name": "b", "input_tensors": [{"dim": 2}, {"dim": 2, "height": 9}]},
    ],
    "two of one name": [{"name": "a", "input_tensors": TENSOR}, {"name": "a", "input_tensors": TENSOR}],
}
OUTPUTS: dict[str, Any] = {
    "none": None,
    "shapeless": {"task": "classification", "number_of_classes": 5},
    "one": {"task": "semantic segmentation", "final_layer_size": [1, 5, 64, 64]},
    "two": [{"task": "classification", "final_layer_size": [1, 5]}, {"task": "regression", "final_layer_size": [7]}],
}
DOCKER: dict[str, Any] = {
    "none": None,
    "file": {"docker_file": "https://example.com/Dockerfile"},
    "plain": {"image_name": "net"},
    "full": {
        "image_name": "registry.example.com:5000/lab/net", "tag": "1.2", "working_dir": "/work dir", "gpu": True,
        "run": "serve --name 'a b' --price $5",
    },
    "digest": {"image_name": "net@sha256:" + "0f" * 32, "gpu": False, "run": "cd /x && echo \"${HOME}\" `id` #"},
    "two": [{"image_name": "a", "tag": "1", "gpu": True}, {"image_name": "b", "tag": "2"}],
    "wrong": {"image_name": "a; rm -rf ~", "tag": "1"},
}  # fmt: skip
DTYPES = (
    "bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    "float16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip


def to_case(
    weights: str = "onnx by name", inputs: str = "one", outputs: str = "one", docker: str = "full", dtype: str = ""
) -> Entry:
    """The model with these facts."""
    stated: dict[str, Any] = {
        "dlm:inputs": INPUTS[inputs],
        "dlm:outputs": OUTPUTS[outputs],
        "dlm:runtime": {"framework": "x", "docker": DOCKER[docker]} if DOCKER[docker] else None,
        "dlm:data": {"dtype": dtype} if dtype else None,
        "assets": {"w": {**(WEIGHTS[weights] or {}), "roles": ["weights"]}} if WEIGHTS[weights] else None,
    }
    return to_deployable({key: value for key, value in stated.items() if value is not None})


def to_deployable(stated: dict[str, Any]) -> Entry:
    """The model that states this, with its local weights if its file is one."""
    model = to_model({"id": "Net_1.0", "collection": "nets", "description": "A net.", **stated})
    local = {asset.published_name: LocalFile("nets/w", Path("w")) for asset in model.assets if asset.is_local}
    return Entry(model, to_item(model, TITLES, {}), "nets/net.yml", "", local)


def to_cases() -> Iterator[Entry]:
    """Every combination of weights, inputs and outputs; every container, with and without local weights; every type."""
    for weights, inputs, outputs in itertools.product(WEIGHTS, INPUTS, OUTPUTS):
        yield to_case(weights, inputs, outputs)
    for weights, docker in itertools.product(("onnx by name", "onnx, local"), DOCKER):
        yield to_case(weights, docker=docker)
    yield to_deployable({})
    for weights, dtype, inputs in itertools.product(
        ("onnx by name", "torchscript"), DTYPES, ("one", "one, fixed batch")
    ):
        yield to_case(weights, inputs=inputs, dtype=dtype)
