"""Files of weights for tests: small ones that the formats' own libraries write, and the real ones of ukis-csmask."""

from __future__ import annotations

import importlib.util
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

Shape = list[int | str | None]


def onnx_bytes(
    shape: Shape | None = None, out: Shape | None = None, *, name: str = "image", result: str = "classes",
    dtype: int = TensorProto.FLOAT, opset: int = 17, metadata: dict[str, str] | None = None, **model: Any,
) -> bytes:  # fmt: skip
    """A network that normalises, then reduces 3 channels to 5 classes for each pixel, with 38 stored numbers."""
    shape, out = shape or ["n", 3, 64, 64], out or ["n", 5, 64, 64]
    channels = shape[1] if len(shape) > 1 and isinstance(shape[1], int) else 3
    classes = out[1] if len(out) > 1 and isinstance(out[1], int) else 5
    stored: dict[str, Any] = {
        "scale": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32),
        "mean": np.zeros(channels, np.float32), "var": np.ones(channels, np.float32),
        "kernel": np.ones((classes, channels, 1, 1), np.float32), "offset": np.zeros(classes, np.float32),
        "steps": np.array([7, 8], np.int64),
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", [name], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("BatchNormalization", ["cast", "scale", "bias", "mean", "var"], ["normal"]),
        helper.make_node("Conv", ["normal", "kernel", "offset"], [result]),
    ]
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info(name, dtype, shape)],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, out)],
        [numpy_helper.from_array(array, key) for key, array in stored.items()],
    )  # fmt: skip
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="test", producer_version="1", **model
    )
    for key, value in (metadata or {}).items():
        made.metadata_props.add(key=key, value=value)
    return bytes(made.SerializeToString())


def silent_bytes(size: int = 0) -> bytes:
    """A network that says nothing of itself, so that it contradicts no model file; of this size, if one is given."""
    made = helper.make_model(
        helper.make_graph([], "silent", [], []), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    content = bytes(made.SerializeToString())
    padding = size - len(content) - 3
    # The field doc_string: its key, its length in two bytes, and a text.
    return content if size == 0 else content + bytes([0x32, padding & 127 | 128, padding >> 7]) + bytes(padding)


def safetensors_bytes(metadata: dict[str, str] | None = None, **arrays: Any) -> bytes:
    """A file that the library writes; without arrays, a convolution and a normalisation, with 32 stored numbers."""
    arrays = arrays or {
        "conv.weight": np.ones((5, 3, 1, 1), np.float32), "conv.bias": np.zeros(5, np.float32),
        "bn.weight": np.ones(3, np.float32), "bn.bias": np.zeros(3, np.float32),
        "bn.running_mean": np.zeros(3, np.float32), "bn.running_var": np.ones(3, np.float32),
        "bn.num_batches_tracked": np.array(4, np.int64),
    }  # fmt: skip
    return bytes(save(arrays, metadata))


def archive_bytes(*names: str) -> bytes:
    """A zip file with these members, of four bytes each; without names, as `torch.save` lays its archives out."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name in names or ("net/data.pkl", "net/byteorder", "net/data/0", "net/data/1", "net/version"):
            opened.writestr(name, "data")
    return made.getvalue()


def external_bytes(location: str) -> bytes:
    """A network whose kernel is in another file."""
    model = onnx.ModelProto.FromString(onnx_bytes())
    kernel = next(one for one in model.graph.initializer if one.name == "kernel")
    kernel.ClearField("raw_data")
    kernel.data_location = TensorProto.EXTERNAL
    kernel.external_data.add(key="location", value=location)
    return bytes(model.SerializeToString())


def _find_csmask() -> Path | None:
    spec = importlib.util.find_spec("ukis_csmask")
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


CSMASK = _find_csmask()
CSMASK_MODELS = ("4b_l1c", "4b_l2a", "6b_l1c", "6b_l2a")
needs_csmask = pytest.mark.skipif(
    CSMASK is None, reason="needs the networks in the package ukis-csmask: pip install -e '.[real-weights]'"
)


def csmask_file(model: str) -> Path:
    """The network of one of `CSMASK_MODELS`."""
    assert CSMASK is not None
    return CSMASK / f"model_{model}.onnx"
