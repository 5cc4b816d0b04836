"""Stage 6, render: the arithmetic before and after the network, from the metadata: as facts, and as a numpy program.

`to_recipe` works out both. Cards and deploy files show the program, and `builder.inference` computes the same from the
facts. A fact that is not stated is left out of the program and named; what no field states and the program needs all
the same is named as inferred.
"""

from __future__ import annotations

import functools
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from builder.model import Band, Data, Model, Output, UsefulBand

FLOATS = ("float16", "float32", "float64")
INTEGERS = tuple(f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64))
COMPLEX = ("complex64", "complex128")
DATA_TYPES = frozenset({"bool", *INTEGERS, *FLOATS, *COMPLEX})
NO_CLASS = 255
"""What stands for no class in a class map where no `dont_care_index` is stated and no class has this index."""
_LONGEST_NAME = 60
_WIDTH = 90


@dataclass(frozen=True, slots=True)
class Preparation:
    """From an image (bands × height × width) to the tensor of one input (1 × channels × height × width).

    `selected` are places in the image from 0, in the order of the tensor; empty where the image must have the bands in
    that order already. `bands` are (name, common name) in the same order, where known. Each of `mean` and `std` is
    empty, one number, or one for each channel. `nodata` is None where no value is stated; `dtype` is the tensor's data
    type, `pixels` the image's where it is stated. `size` is (channels, height, width), None where free.
    """

    name: str | None
    bands: tuple[tuple[str | None, str | None], ...]
    selected: tuple[int, ...]
    scaling: float | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    nodata: float | None
    dtype: str
    pixels: str | None
    size: tuple[int | None, int | None, int | None]

    @property
    def may_be_nan(self) -> bool:
        """Whether a pixel may be something other than a number."""
        return self.pixels is None or self.pixels in (*FLOATS, *COMPLEX)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """From one output of the network to what it means.

    `classes`: the channel with the highest value is the class. `threshold`: one channel, class 1 where its sigmoid is
    above 0.5. `values`: the numbers as they are. For class maps, `dtype` holds every index, `nodata` is what pixels
    without data get, and `names` and `colors` go by index; `channels` is the number of channels where it is stated.
    """

    kind: Literal["classes", "threshold", "values"]
    task: str | None = None
    channels: int | None = None
    dtype: str = "float32"
    nodata: int | None = None
    names: tuple[tuple[int, str], ...] = ()
    colors: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """What happens before and after the network, and the Python text that does it; `code` is empty without any fact.

    `missing` says which facts are not stated and what follows, `inferred` what no field states and is assumed.
    """

    code: str
    inputs: tuple[Preparation, ...]
    outputs: tuple[Interpretation, ...]
    missing: tuple[str, ...]
    inferred: tuple[str, ...]


def to_recipe(model: Model) -> Recipe:
    """The recipe of a model. The program needs numpy and nothing else; texts of the model stand in it as data only."""
    missing: list[str] = []
    inferred: list[str] = []
    inputs = tuple(_preparation(model, index, missing, inferred) for index in range(len(model.inputs)))
    outputs = tuple(_interpretation(model, index, missing, inferred) for index in range(len(model.outputs)))
    if not inputs:
        missing.append("dlm:inputs: nothing is known about the tensor")
    if not outputs:
        missing.append("dlm:outputs: nothing is known about the result")
    recipe = Recipe("", inputs, outputs, tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(inferred)))
    if not inputs and not outputs:
        return recipe
    code = "\n".join(_program(model, recipe)) + "\n"
    return Recipe(code, recipe.inputs, recipe.outputs, recipe.missing, recipe.inferred)


# --- facts -----------------------------------------------------------------------------------------------------------


def _preparation(model: Model, index: int, missing: list[str], inferred: list[str]) -> Preparation:
    entry, data = model.inputs[index], data_of(model, index)
    of = f" (input {index + 1})" if len(model.inputs) > 1 else ""
    chosen = model.selected_bands(index)
    selected = entry.selected_band or tuple(i for i in map(_place, chosen) if i is not None)
    if chosen and len(selected) != len(chosen):
        selected = ()
    if not selected:
        missing.append(f"selected_band{of}: the image must have the bands of the tensor, in its order")
    elif not entry.selected_band:
        source = "useful_bands" if data and data.useful_bands else "eo:bands"
        inferred.append(f"the bands and their order{of}, from {source}")
    scaling = _number(entry.scaling_factor)
    mean, std = _numbers(entry.normalization_mean), _numbers(entry.normalization_std)
    if scaling is None:
        missing.append(f"scaling_factor{of}: pixels are not scaled")
    for name, numbers in (("mean", mean), ("std", std)):
        if not numbers:
            what = "nothing is subtracted" if name == "mean" else "nothing is divided by it"
            missing.append(f"normalization:{name}{of}: {what}")
    if entry.pre_processing_function:
        text = _text(entry.pre_processing_function)
        inferred.append(f"that pre_processing_function{of} {text} does what the numbers say; it is not called")
    pixels = data.dtype if data and data.dtype in DATA_TYPES else None
    if pixels is None:
        missing.append(f"dtype{of}: any data type is taken")
    nodata = _nodata(data, pixels)
    if nodata is None and not (data and data.nodata_stated):
        missing.append(f"nodata_value{of}: every pixel that is a number counts")
    changed = scaling is not None or bool(mean or std)
    dtype = "complex64" if pixels in COMPLEX else "float32" if changed or pixels is None else pixels
    inferred.append(f"the data type of the tensor{of}, {dtype}")
    tensor = entry.input_tensors[0] if entry.input_tensors else None
    size = (tensor.dim, tensor.height, tensor.width) if tensor else (None, None, None)
    if len(entry.input_tensors) > 1:
        inferred.append(f"that the shapes in input_tensors{of} are alternatives")
    names = tuple((band.name, band.common_name) for band in chosen)
    return Preparation(entry.name, names, selected, scaling, mean, std, nodata, dtype, pixels, size)


def data_of(model: Model, index: int) -> Data | None:
    """The imagery that an input reads: its own, or the only one there is."""
    data = model.data
    if len(data) == 1:
        return data[0]
    return data[index] if index < len(data) == len(model.inputs) else None


def _place(band: Band | UsefulBand) -> int | None:
    if isinstance(band, UsefulBand):
        return band.index
    return band.path[-1] if band.path and isinstance(band.path[-1], int) else None


def _number(value: float | None) -> float | None:
    """The number as one that numpy computes with; None for one beyond its range."""
    try:
        number = float(value) if value is not None else None
    except OverflowError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    numbers = tuple(_number(value) for value in values)
    return tuple(number for number in numbers if number is not None) if None not in numbers else ()


def _nodata(data: Data | None, pixels: str | None) -> float | None:
    value = data.nodata_value if data else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return float(value) if value in ("nan", "inf", "-inf") and pixels not in (*INTEGERS, "bool") else None
    if isinstance(value, int) and -(2**63) <= value < 2**64 and pixels not in FLOATS:
        return value
    return _number(value)


def _interpretation(model: Model, index: int, missing: list[str], inferred: list[str]) -> Interpretation:
    output = model.outputs[index]
    of = f" (output {index + 1})" if len(model.outputs) > 1 else ""
    if output.post_processing_function:
        text = _text(output.post_processing_function)
        inferred.append(f"that post_processing_function{of} {text} does not change which class is highest; not called")
    channels = output.final_layer_size[1] if len(output.final_layer_size) > 1 else output.number_of_classes
    if output.task is None:
        missing.append(f"task{of}: the values are given as they are")
    elif output.task in ("classification", "semantic segmentation"):
        return _class_map(output, channels, of, missing, inferred)
    elif output.task != "regression":
        missing.append(f"how {output.task}{of} is encoded: the values are given as they are")
    return Interpretation("values", output.task, channels)


def _class_map(
    output: Output, channels: int | None, of: str, missing: list[str], inferred: list[str]
) -> Interpretation:
    mapped = [entry for entry in output.class_name_mapping if entry.index != output.dont_care_index]
    kind: Literal["classes", "threshold"] = "classes"
    if channels == 1:
        function = (output.post_processing_function or "").partition("(")[0]
        if not function.rpartition(":")[2].rpartition(".")[2].lower().endswith("sigmoid"):
            missing.append(f"how one channel{of} is turned into classes: the values are given as they are")
            return Interpretation("values", output.task, channels)
        kind = "threshold"
        inferred.append(f"the threshold of 0.5 after the sigmoid{of}")
    else:
        inferred.append(f"that the channel with the highest value{of} is the class")
    number = 2 if kind == "threshold" else channels or len(mapped)
    known = bool(mapped) and all(0 <= entry.index < number for entry in mapped)
    if mapped and not known:
        missing.append(f"which channel{of} is which class: the map has the numbers of the channels, from 0")
    elif not mapped:
        missing.append(f"class_name_mapping{of}: the classes have no names")
    names = tuple((entry.index, entry.class_name) for entry in mapped) if known else ()
    colors = tuple((entry.index, entry.color) for entry in mapped if entry.color) if known else ()
    nodata = output.dont_care_index if known or not mapped else None
    if nodata is None:
        nodata = NO_CLASS if number <= NO_CLASS else 65535
        inferred.append(f"{nodata}{of} for pixels without data")
    return Interpretation(kind, output.task, channels, _map_type(number - 1, nodata), nodata, names, colors)


def _map_type(highest: int, nodata: int) -> str:
    low, high = min(nodata, 0), max(highest, nodata)
    if low < 0:
        return "int16" if low >= -(2**15) and high < 2**15 else "int32"
    return "uint8" if high < 2**8 else "uint16" if high < 2**16 else "uint32"


# --- the program -----------------------------------------------------------------------------------------------------


def _program(model: Model, recipe: Recipe) -> Iterator[str]:
    # No text of the model in the first two lines: Python looks for a declaration of the encoding there.
    yield "# What happens before and after the network: made by dlm-catalog from the metadata of the model."
    yield "#"
    yield f"# Model: {_text(model.id)}"
    for title, notes in (("Not stated:", recipe.missing), ("Not stated, and inferred:", recipe.inferred)):
        if notes:
            yield f"# {title}"
            for note in notes:
                yield from [f"# - {note}"] if len(note) < _WIDTH else _wrap_note(note)
    yield "import numpy as np"
    for number, preparation in enumerate(recipe.inputs, 1):
        yield from ("", "")
        yield from _preprocess(f"preprocess{_suffix(number, recipe.inputs)}", preparation)
    for number, interpretation in enumerate(recipe.outputs, 1):
        yield from ("", "")
        yield from _postprocess(f"postprocess{_suffix(number, recipe.outputs)}", interpretation)


@functools.lru_cache(maxsize=256)  # models lack the same facts, and textwrap takes its time
def _wrap_note(note: str) -> list[str]:
    return textwrap.wrap(f"# - {note}", _WIDTH, subsequent_indent="#   ")


def _suffix(number: int, of: Sequence[object]) -> str:
    return f"_{number}" if len(of) > 1 else ""


def _preprocess(function: str, steps: Preparation) -> Iterator[str]:
    dims = " x ".join(["1", *(str(size or letter) for size, letter in zip(steps.size, "CHW", strict=True))])
    if steps.name:
        yield f"# for the input {_text(steps.name)}"
    yield f"def {function}(image):"
    yield f'    """The tensor ({dims}) of an image (bands x height x width), and which pixels have data."""'
    if steps.pixels:
        yield f"    # data type of the image: {steps.pixels}"
    if steps.bands:
        yield "    # bands, in the order of the tensor:"
        yield from (f"    # {line}" for line in _wrap([_text(name or common or "?") for name, common in steps.bands]))
    yield f"    pixels = np.asarray(image){f'[{_list(steps.selected)}]' if steps.selected else ''}"
    if steps.may_be_nan:
        yield "    valid = np.isfinite(pixels).all(axis=0)"
    else:
        yield "    valid = np.ones(pixels.shape[1:], dtype=bool)"
    if steps.nodata is not None and math.isfinite(steps.nodata):
        yield f"    valid &= ~(pixels == {steps.nodata!r}).all(axis=0)"
    if steps.may_be_nan:
        yield "    # What is no number would spread through the network."
        yield f"    x = np.where(np.isfinite(pixels), pixels, 0).astype({steps.dtype!r})"
    else:
        yield f"    x = pixels.astype({steps.dtype!r})"
    if steps.scaling is not None:
        yield f"    x *= {steps.scaling!r}"
    if steps.mean:
        yield f"    x -= np.array({_list(steps.mean)}).reshape(-1, 1, 1)"
    if steps.std:
        yield f"    x /= np.array({_list(steps.std)}).reshape(-1, 1, 1)"
    yield "    return x[np.newaxis], valid"


def _list(numbers: Sequence[float]) -> str:
    """The numbers as a list, over several lines where they are many."""
    lines = _wrap([repr(number) for number in numbers])
    if len(lines) == 1:
        return f"[{lines[0]}]"
    return "\n        ".join(["[", *lines]) + ",\n    ]"


def _wrap(words: Sequence[str]) -> list[str]:
    """The words with commas between them, in lines."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > _WIDTH:
            lines.append(word)
        else:
            lines[-1] += f", {word}" if lines[-1] else word
    return [line + "," for line in lines[:-1]] + lines[-1:]


def _postprocess(function: str, result: Interpretation) -> Iterator[str]:
    if result.kind == "values":
        yield f"def {function}(output, valid=None):"
        yield '    """The output as it is, and not a number where pixels have no data."""'
        yield "    result = np.array(output, dtype='float32')"
        yield "    if valid is not None and result.shape[-2:] == valid.shape:"
        yield "        result[..., ~valid] = np.nan"
        yield "    return result"
        return
    yield f"def {function}(output, valid=None):"
    yield f'    """The class of each pixel or image, and {result.nodata} where pixels have no data."""'
    if result.names:
        yield "    # " + f"{len(result.names)} classes by index:"
        yield from (f"    # {index}: {_text(name)}" for index, name in result.names)
    if result.kind == "threshold":
        yield f"    classes = (np.asarray(output)[:, 0] > 0).astype({result.dtype!r})  # a sigmoid above 0.5"
    else:
        yield f"    classes = np.asarray(output).argmax(axis=1).astype({result.dtype!r})"
    yield "    if valid is not None and classes.shape[-2:] == valid.shape:"
    yield f"        classes[..., ~valid] = {result.nodata!r}"
    yield "    return classes"


def _text(text: str) -> str:
    """A text of the model as a Python literal: one line, whatever it holds."""
    return repr(text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…")
