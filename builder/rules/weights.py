"""Rules about what a file of weights says itself, held against what the model file says of it.

Each is a generator over the model, the asset, and the `Signature` of its file. A size that the file leaves free fits
every size; what one of the two does not state is not compared.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from builder.diagnostic import Path, Problem
from builder.model import Asset, Input, Model, Output, Tensor
from builder.rules.registry import found, weights_rule
from builder.weights import Signature, claimed_format
from builder.weights import Tensor as Stored

_SIZES = ("batch", "dim", "height", "width")
_CLASS_RANKS = {"classification": 2, "semantic segmentation": 4}
_OPSET = re.compile(r"\b(?:opset|operator set)(?: version)?\W{0,3}(\d{1,3})\b", re.IGNORECASE)
_PYTORCH = ("pytorch", "torchscript", "pickle", "zip")
_FORMATS: Mapping[str, tuple[str, ...]] = {
    "onnx": ("onnx",), "safetensors": ("safetensors",), "pytorch": _PYTORCH,
    "torch.save": _PYTORCH, "torch.jit.save": ("torchscript",),
}  # fmt: skip
"""What a file may hold by what it is called: by suffix, media type, or `mlm:artifact_type`."""
_BAND_KEYS = ("bands", "band_names", "input_bands", "channels")
"""The names under which exporters write the bands of the input into a file."""


found("weights-unreadable", "error", """
    A file of weights must be whole, and what its name says.

    Nobody can load one that is cut off, is a pointer of Git LFS, or holds something else. Commit the file itself
    (`git lfs pull` fetches it where a pointer stands in its place), or correct its name.
    """)  # fmt: skip
found("weights-unchecked", "note", """
    A file of weights should be one that can be held against the model file.

    ONNX, safetensors and the archives of PyTorch can be read without loading them. What is in another format, or in a
    file whose description is too large, stays as it was stated. ONNX needs the extra `onnx`.
    """)  # fmt: skip


@weights_rule("warning")
def weights_format(_: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """A file of weights should hold the format that its name and media type say.

    Programs choose by the name how to load it. Correct the name, or the type of the asset.
    """
    name = file_name(asset)
    kinds: list[tuple[Path, str, str]] = [((*asset.path, "href"), claimed_format(name) or "", f"the name {name}")]
    if asset.type:
        kind = next((word for word in ("onnx", "safetensors", "pytorch") if word in asset.type.lower()), "")
        kinds.append(((*asset.path, "type"), kind, f"the type {asset.type}"))
    artifact = str(asset.fields.get("mlm:artifact_type", ""))
    kinds.append(((*asset.path, "mlm:artifact_type"), artifact, f"mlm:artifact_type {artifact}"))
    for path, kind, words in kinds:
        if kind in _FORMATS and signature.format not in _FORMATS[kind]:
            message = f"{words} stands for {kind}, but the file holds {signature.format}"
            yield Problem(path, message, "correct it, or put the right file there")
            return


@weights_rule("warning")
def weights_name(model: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """`name` of an input should be the name of that input in the file.

    It is the key under which a program passes the array to the network.
    """
    names = [tensor.name for tensor in signature.inputs]
    if len(model.inputs) > len(names) > 0:
        message = f"{len(model.inputs)} inputs are described, but {file_name(asset)} has {', '.join(names)}"
        yield Problem(("dlm:inputs",), message, "describe the inputs of the file, each once", on="key")
    for entry in model.inputs:
        if entry.name and names and entry.name not in names:
            message = f"the input is called {entry.name}, but in {file_name(asset)} it is {' or '.join(names)}"
            yield Problem((*entry.path, "name"), message, f"name: {names[0]}")


@weights_rule("error")
def weights_shape(model: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """The sizes of inputs and outputs must be those of the file, where it fixes them.

    An array of another shape is refused by the network. Where channels are bands, another number of them also means
    that means, deviations or bands are wrong.
    """
    for entry, tensor in _pair_inputs(model, signature):
        yield from _input_faults(entry, tensor, file_name(asset))
    sized = [output for output in model.outputs if output.final_layer_size]
    for output, tensors in _pair_outputs(sized, signature.outputs):
        faults = [_output_fault(output, tensor, file_name(asset)) for tensor in tensors]
        if faults and None not in faults:
            yield from filter(None, faults[:1])


def _pair_inputs(model: Model, signature: Signature) -> Iterator[tuple[Input, Stored]]:
    """The inputs that are described with those of the file: by name, else in their order."""
    by_name = {tensor.name: tensor for tensor in signature.inputs}
    in_order = len(model.inputs) == len(signature.inputs)
    for index, entry in enumerate(model.inputs):
        if entry.name in by_name:
            yield entry, by_name[entry.name]
        elif in_order:
            yield entry, signature.inputs[index]


def _pair_outputs(outputs: Sequence[Output], stored: Sequence[Stored]) -> Iterator[tuple[Output, Sequence[Stored]]]:
    """The outputs that are described, each with those of the file that it may be: outputs have no name in DLM."""
    if len(outputs) == len(stored):
        yield from ((output, (tensor,)) for output, tensor in zip(outputs, stored, strict=True))
    else:
        yield from ((output, stored) for output in outputs)


def _input_faults(entry: Input, tensor: Stored, file: str) -> Iterator[Problem]:
    shape = tensor.shape
    if shape is None:
        return
    whole = f"the input “{tensor.name}” of {file} is {shape_words(shape)}"
    if len(shape) != len(_SIZES):
        stated = next((one for one in entry.input_tensors if one.height or one.width), None)
        if stated is not None and len(shape) < len(_SIZES):
            yield Problem(stated.path, f"batch, dim, height and width are described, but {whole}",
                          "describe the input of the file", on="key")  # fmt: skip
        return
    faults = [_tensor_fault(stated, shape, whole) for stated in entry.input_tensors]
    if faults and None not in faults:
        yield from filter(None, faults[:1])
    channels = shape[1]
    # Where `dim` is stated it was compared above, and other rules hold bands and means against it.
    if isinstance(channels, int) and not any(stated.dim for stated in entry.input_tensors):
        for key, values in (("selected_band", entry.selected_band), ("normalization:mean", entry.normalization_mean)):
            if values:
                if len(values) != channels:
                    message = f"{key} has {count_values(len(values))}, but {whole}"
                    yield Problem((*entry.path, key), message, f"one value for each of its {channels} channels")
                return


def _tensor_fault(stated: Tensor, shape: tuple[int | str | None, ...], whole: str) -> Problem | None:
    for key, size in zip(_SIZES, shape, strict=True):
        value = getattr(stated, key)
        if value is not None and isinstance(size, int) and value != size:
            return Problem((*stated.path, key), f"{key} is {value}, but {whole}", f"{key}: {size}")
    return None


def _output_fault(output: Output, tensor: Stored, file: str) -> Problem | None:
    shape, stated = tensor.shape, output.final_layer_size
    if shape is None:
        return None
    whole = f"the output “{tensor.name}” of {file} is {shape_words(shape)}"
    path: Path = (*output.path, "final_layer_size")
    if len(shape) != len(stated):
        return Problem(path, f"final_layer_size has {count_values(len(stated))}, but {whole}", "one size for each axis")
    for axis, (value, size) in enumerate(zip(stated, shape, strict=True)):
        if isinstance(size, int) and value != size:
            return Problem((*path, axis), f"final_layer_size is {shape_words(stated)}, but {whole}",
                           f"{size} in place of {value}")  # fmt: skip
    return None


@weights_rule("error")
def weights_classes(model: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """The number of classes must be the number of channels that the file gives, for classification and segmentation.

    A class without a channel is never found; a channel without a class has no name. One channel tells two classes
    apart, and whole numbers are classes already.
    """
    for output, tensors in _pair_outputs(model.outputs, signature.outputs):
        rank = _CLASS_RANKS.get(output.task or "")
        mapped, number = len(output.class_name_mapping), output.number_of_classes
        allowed = {number or mapped}
        if number is None and output.dont_care_index is not None:
            allowed.add(mapped - 1)
        scores = [t for t in tensors if t.shape is not None and len(t.shape) == rank and "float" in (t.dtype or "")]
        channels = [t.shape[1] for t in scores if t.shape is not None]
        fixed = [size for size in channels if isinstance(size, int)]
        if not (number or mapped) or not fixed or len(fixed) < len(tensors):
            continue
        if allowed.isdisjoint(fixed) and not (1 in fixed and 2 in allowed):
            key = "class_name_mapping" if number is None else "number_of_classes"
            yield Problem(
                (*output.path, key),
                f"there are {number or mapped} classes, but the output “{scores[0].name}” of {file_name(asset)} has "
                f"{count_values(fixed[0], 'channel')}",
                f"describe {count_values(fixed[0], 'class')}, one for each channel",
                on="key" if number is None else "value",
            )


@weights_rule("warning")
def weights_dtype(model: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """A network that takes whole numbers should be given the type of the imagery, unscaled.

    Scaling and normalisation make fractions, which whole numbers cut off. Leave the scaling out if it is a part of the
    network, or correct `dtype`.
    """
    for index, (entry, tensor) in enumerate(_pair_inputs(model, signature)):
        kind = tensor.dtype or "float"
        if "float" in kind or kind.startswith("complex"):
            continue
        whole = f"the input “{tensor.name}” of {file_name(asset)} takes {kind}"
        scaled = {"scaling_factor": entry.scaling_factor, "normalization:mean": entry.normalization_mean}
        key = next((key for key, stated in scaled.items() if stated), None)
        data = model.data[min(index, len(model.data) - 1)] if model.data else None
        if key is not None:
            yield Problem((*entry.path, key), f"{key} makes fractions, but {whole}",
                          "leave it out if the network scales", on="key")  # fmt: skip
        elif data is not None and data.dtype not in (None, kind) and not entry.pre_processing_function:
            yield Problem((*data.path, "dtype"), f"the imagery is {data.dtype}, but {whole}", f"dtype: {kind}")


@weights_rule("warning")
def weights_parameters(model: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """`total_nb_parameters` should be the number of parameters in the file.

    Running means and variances of batch normalisation may be counted or not: PyTorch's `parameters()` leaves them out.
    A file that was optimised for inference may hold fewer; waive the finding there, and say which number is stated.
    """
    total, learned = signature.parameters, signature.learned
    same = [other for other in model.assets if other.is_weights and _kind(other) == _kind(asset)]
    if total is None or learned is None or len(model.architecture) != 1 or len(same) > 1:
        return
    network = model.architecture[0]
    stated = network.total_nb_parameters
    if stated is not None and stated not in (total, learned):
        without = f", {learned:,} without running statistics" if learned != total else ""
        yield Problem(
            (*network.path, "total_nb_parameters"),
            f"total_nb_parameters is {stated:,}, but {file_name(asset)} has {total:,}{without}",
            f"total_nb_parameters: {learned}",
        )


def _kind(asset: Asset) -> str:
    return claimed_format(file_name(asset)) or ""


@weights_rule("warning")
def weights_opset(_: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """An operator set that is stated for an ONNX file should be the one in it.

    It says which versions of a runtime can load the file. It is looked for in title and description of the asset
    (`opset 17`, `operator set 17`) and in its keys that end in `:opset`.
    """
    real = signature.opsets.get("")
    if real is None:
        return
    for path, stated in stated_opsets(asset):
        if stated != real:
            message = f"operator set {stated} is stated, but {file_name(asset)} has {real}"
            yield Problem(path, message, f"operator set {real}")


def stated_opsets(asset: Asset) -> Iterator[tuple[Path, int]]:
    """The ONNX operator sets that an asset names, with where it does."""
    for key in ("title", "description"):
        if match := _OPSET.search(str(asset.fields.get(key, ""))):
            yield (*asset.path, key), int(match[1])
    for key, value in asset.fields.items():
        if key.endswith(":opset") and isinstance(value, int):
            yield (*asset.path, key), value


@weights_rule("error")
def weights_bands(model: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """The bands must be in the order that the file names, where it names them.

    Exporters may write the names of the input's bands into a file (`bands`, `band_names`). A network that gets two of
    them swapped answers all the same, and wrongly.
    """
    named = next((names for key in _BAND_KEYS if (names := _names(signature.metadata.get(key, "")))), [])
    for index, entry in enumerate(model.inputs[:1]):
        bands = model.selected_bands(index)
        for stated in ([band.name for band in bands], [band.common_name for band in bands]):
            words = [str(name).lower() for name in stated]
            if words != named and len(words) > 1 and sorted(words) == sorted(named):
                key = "selected_band" if entry.selected_band else None
                yield Problem(
                    (*entry.path, key) if key else ("dlm:data",),
                    f"the bands are {', '.join(words)}, but {file_name(asset)} wants {', '.join(named)}",
                    f"in this order: {', '.join(named)}",
                    on="value" if key else "key",
                )
                return


def _names(text: str) -> list[str]:
    """The names in a list, as JSON or with commas."""
    try:
        found_names = json.loads(text)
    except (ValueError, RecursionError):
        found_names = text.strip("[]() ").split(",")
    plain = [str(name).strip(" '\"").lower() for name in found_names] if isinstance(found_names, list) else []
    return plain if len(plain) > 1 else []


@weights_rule("error")
def weights_external(model: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """The files that hold the tensors of an ONNX file must be assets beside it.

    A network of more than 2 GB keeps its tensors in other files, which a program looks for in the folder of the first.
    """
    folder = posixpath.dirname(asset.published_name)
    beside = {other.published_name for other in model.assets}
    for location in signature.external[:5]:
        wanted = posixpath.normpath(posixpath.join(folder, location))
        if location.startswith("/") or wanted.startswith(".."):
            message = f"{file_name(asset)} looks for its tensors in {location}, which is not beside it"
            yield Problem((*asset.path, "href"), message, "export it with the tensors in a file beside it")
        elif asset.is_local and wanted not in beside:
            message = f"{file_name(asset)} keeps tensors in {location}, which is no asset of the model"
            yield Problem((*asset.path, "href"), message, f"add an asset with href: {location}")


@weights_rule("note")
def weights_pickled(_: Model, asset: Asset, signature: Signature) -> Iterator[Problem]:
    """An archive that holds pickles can run any code when it is loaded, whatever its name is.

    It was listed, and nothing in it was opened. Publish safetensors or ONNX as well.
    """
    if signature.pickled and claimed_format(file_name(asset)) != "pytorch":
        message = (
            f"{file_name(asset)} holds {signature.pickled[0]}, which pickle reads: it can run code that is hidden there"
        )
        yield Problem((*asset.path, "href"), message, "publish safetensors or ONNX as well")


def compared_facts(model: Model, asset: Asset, signature: Signature) -> tuple[str, ...]:
    """Which facts both the model file and the file of weights state, in words."""
    facts = {
        "input names": any(entry.name for entry in model.inputs) and signature.inputs,
        "input shapes": any(tensor.shape and len(tensor.shape) == len(_SIZES) and (
            entry.input_tensors or entry.selected_band or entry.normalization_mean
        ) for entry, tensor in _pair_inputs(model, signature)),
        "output shapes": signature.outputs and any(output.final_layer_size for output in model.outputs),
        "classes": any(
            (output.number_of_classes or output.class_name_mapping) and output.task in _CLASS_RANKS
            for output in model.outputs if signature.outputs
        ),
        "parameters": signature.parameters is not None
        and any(network.total_nb_parameters is not None for network in model.architecture),
        "operator set": bool(signature.opsets) and any(stated_opsets(asset)),
    }  # fmt: skip
    return (f"format {signature.format}", *(name for name, there in facts.items() if there))


def file_name(asset: Asset) -> str:
    """The name of the file behind an asset: the last part of its address, or of the place that a fragment names."""
    address, _, fragment = asset.href.partition("#")
    inside = fragment if "/" in fragment or claimed_format(fragment) else address.split("?", 1)[0]
    return unquote(posixpath.basename(inside.rstrip("/"))) or asset.key


def shape_words(shape: Sequence[int | str | None]) -> str:
    """Sizes as people write a shape, the free ones by their name: batch × 4 × 256 × 256."""
    return " × ".join("?" if size is None else str(size)[:40] for size in shape) or "a single number"


def count_values(number: int, noun: str = "value") -> str:
    """A number with its noun."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
