"""The configuration of Triton Inference Server for weights in ONNX or TorchScript.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html
"""

from __future__ import annotations

from collections.abc import Iterator

from builder.deploy.quoting import pbtxt_text
from builder.deploy.sheet import (
    DeployFile,
    InputTensor,
    Sheet,
    Site,
    Withheld,
    file_name,
    find_format,
    to_comments,
    to_inputs,
    to_server_type,
)
from builder.model import Model
from builder.words import mark, say

NAME = "config.pbtxt"
TITLE = mark("Configuration for Triton Inference Server")
PLATFORMS = {"onnx": "onnxruntime_onnx", "torchscript": "pytorch_libtorch"}
USUAL_NAMES = {"onnx": "model.onnx", "torchscript": "model.pt"}
"""The name that Triton looks for where the configuration does not give one."""


def render(site: Site) -> DeployFile | Withheld:
    """The configuration of the model; for ONNX the outputs are left to Triton, which reads them from the weights."""
    if NAME not in site.made:
        site.made[NAME] = _render(site)
    return site.made[NAME]


def _render(site: Site) -> DeployFile | Withheld:
    sheet, model = Sheet(NAME, TITLE), site.model
    kind = to_format(sheet, model)
    inputs = to_inputs(sheet, model, named=kind != "torchscript")
    if kind == "torchscript":
        _check_outputs(sheet, model)
    if kind is None or model.weights is None or sheet.missing:
        return sheet.withheld()
    # Where the size of the batch is free, Triton wants shapes without it.
    free = all(tensor.shape[0] < 0 for tensor in inputs)
    if free:
        sheet.inferred.append("max_batch_size 1, the least for a free batch: raise it to what the memory carries")
    else:
        sheet.inferred.append("max_batch_size 0, because the size of the batch is fixed: shapes include it")
    usual, name = USUAL_NAMES[kind], file_name(model.weights)
    if name and name != usual:
        sheet.inferred.append(f"the weights keep their name: the file is {model.id}/1/{name} in the model repository")
    else:
        sheet.inferred.append(f"the file with the weights is {model.id}/1/{usual} in the model repository")
    if kind == "onnx":
        sheet.inferred.append("an input of the graph has the name of the input variable")
        sheet.inferred.append("outputs: no field states their names, Triton completes them from the ONNX file")
    else:
        sheet.inferred.append(
            "names of inputs and outputs: TorchScript has none, Triton counts them as INPUT__0, OUTPUT__0"
        )
        sheet.inferred.append("type float32 of the outputs, because no field states it")
    body = [
        f"name: {pbtxt_text(model.id)}",
        f"platform: {pbtxt_text(PLATFORMS[kind])}",
        f"max_batch_size: {int(free)}",
    ]
    if name and name != usual:
        body.append(f"default_model_filename: {pbtxt_text(name)}")
    body += _tensors(model, inputs, kind, skip=int(free))
    return sheet.finish("\n".join([*to_comments(sheet.head(model)), *body]) + "\n")


def to_format(sheet: Sheet, model: Model) -> str | None:
    """The format of the weights, if it is one that Triton reads; else what is missing is noted on the sheet."""
    if model.weights is None:
        sheet.lack(("assets",), say("an asset with the role weights"))
        return None
    found = find_format(model, model.weights)
    if found is None:
        words = say("that the weights are ONNX (onnx.save) or TorchScript (torch.jit.save), the formats Triton reads")
        sheet.lack((*model.weights.path, "mlm:artifact_type"), words)
        return None
    kind, path = found
    sheet.state(path, model.weights.fields[str(path[-1])] if path[0] == "assets" else kind)
    return kind


def _check_outputs(sheet: Sheet, model: Model) -> None:
    if not model.outputs:
        sheet.lack(("dlm:outputs",), say("what comes out of the network, with the shape"))
    for output in model.outputs:
        if len(output.final_layer_size) > 1:
            sheet.state((*output.path, "final_layer_size"), " × ".join(map(str, output.final_layer_size)))
        else:
            sheet.lack((*output.path, "final_layer_size"), say("the shape of the output"))


def _tensors(model: Model, inputs: tuple[InputTensor, ...], kind: str, *, skip: int) -> Iterator[str]:
    """The inputs and outputs; `skip` sizes at the start of a shape are not written."""
    for number, tensor in enumerate(inputs):
        name = tensor.name if kind == "onnx" else f"INPUT__{number}"
        yield from _tensor("input", name, to_server_type(tensor.dtype), tensor.shape[skip:])
    if kind == "torchscript":
        free = any(size < 0 for tensor in inputs for size in tensor.shape[2:])
        for number, output in enumerate(model.outputs):
            shape = output.final_layer_size
            sizes = tuple(-1 if free and place > 1 else size for place, size in enumerate(shape))
            yield from _tensor("output", f"OUTPUT__{number}", "FP32", sizes[skip:])


def _tensor(key: str, name: str, kind: str, shape: tuple[int, ...]) -> Iterator[str]:
    dims = ", ".join(map(str, shape))
    yield f"{key} [{{ name: {pbtxt_text(name)}, data_type: TYPE_{kind}, dims: [{dims}] }}]"
