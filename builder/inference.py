"""A model run from its Item: the weights found and opened, and a recipe computed with numpy on both sides of them.

Each step is rounded to the type of the tensor, as the recipe's program does it and as training code does
(`x -= mean; x /= std`). The order of the roundings matters: a change of a float32 input in its last digit changes the
logits of a deep network in the fourth. numpy and onnxruntime, of the extra `run`, are imported where they are used.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from builder.details import item_to_model
from builder.model import Asset, Model, is_relative
from builder.recipe import INTEGERS, Interpretation, Preparation, to_recipe
from builder.validate import check_item

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

FREE_SIZE = 512
"""Pixels of a tile where neither the Item nor the weights say how large it must be."""
_ITEM_LIMIT = 64 * 1024**2
# Multihash codes with their lengths: https://github.com/multiformats/multicodec
_HASHES = {"1114": "sha1", "1220": "sha256", "1340": "sha512", "1620": "sha3_256", "1440": "sha3_512", "d50110": "md5"}
_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool"}
_TYPES |= {f"tensor({kind})": kind for kind in INTEGERS}
"""numpy's names of the types that onnxruntime calls otherwise."""


class InferenceError(Exception):
    """The model cannot be run, or not on this. The message says why."""


# --- the Item and its weights ----------------------------------------------------------------------------------------


def read_item(location: FilePath) -> Model:
    """The model in the file of a published STAC Item. Raises InferenceError for anything else."""
    try:
        if location.stat().st_size > _ITEM_LIMIT:
            raise InferenceError(f"{location} is larger than an Item may be, {_ITEM_LIMIT} bytes")
        item = json.loads(location.read_text(encoding="utf-8"))
    except OSError as error:
        raise InferenceError(f"{location}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        hint = "; a model file is built first, build-catalog writes its Item" if location.suffix != ".json" else ""
        raise InferenceError(f"{location} is no STAC Item, which is JSON{hint}") from error
    if not isinstance(item, dict) or not isinstance(item.get("properties"), dict):
        raise InferenceError(f"{location} is no STAC Item")
    item = {"stac_extensions": [], "collection": "", "bbox": [], "assets": {}, **item}
    try:
        for _, problem in check_item(item):
            where = ".".join(map(str, problem.path)) or "the Item"
            raise InferenceError(f"{location} is no Item with the DLM extension: {where}: {problem.message}")
        return item_to_model(item)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InferenceError(f"{location} is no sound Item: {error}") from error


def find_weights(model: Model, item: FilePath, given: FilePath | None = None) -> tuple[FilePath, str]:
    """The file with the weights, and a note on its checksum, empty where it agrees with the one that the Item states.

    That is `given`, or the file beside the Item; nothing is downloaded. Raises InferenceError where there is none, or
    where size or checksum differ.
    """
    assets = [asset for asset in model.assets if asset.is_weights]
    onnx = [asset for asset in assets if asset.href.lower().endswith(".onnx") or "onnx" in (asset.type or "").lower()]
    assets = onnx or assets
    if given is None:
        local = [asset for asset in assets if is_relative(asset.href)]
        if not local:
            where = f"; the Item has {assets[0].href}" if assets else ", and the Item names none"
            raise InferenceError(f"there are no weights beside {item}{where}. Name a copy with --weights")
        given, assets = item.parent / unquote(local[0].href), local[:1]
    if not given.is_file():
        raise InferenceError(f"there is no file {given}")
    return given, _compare(given, assets)


def _compare(weights: FilePath, assets: Sequence[Asset]) -> str:
    stated = [str(a.fields["file:checksum"]).lower() for a in assets if a.fields.get("file:checksum")]
    sizes = {a.fields.get("file:size") for a in assets} - {None}
    size = weights.stat().st_size
    if sizes and size not in sizes and len(sizes) == len(assets):
        wanted = " or ".join(map(str, sorted(sizes, key=str)))
        raise InferenceError(f"{weights} has {size} bytes, the Item states {wanted}: these are other weights")
    if not stated:
        return "the Item states no checksum of the weights: whether this is the right file was not checked"
    known = [(text, code) for text in stated for code in _HASHES if text.startswith(code)]
    if not known:
        return f"the checksum {stated[0][:16]}… is of a kind that cannot be computed here: it was not compared"
    found = []
    for text, code in known:
        with weights.open("rb") as file:
            found.append(code + hashlib.file_digest(file, _HASHES[code]).hexdigest())
        if text == found[-1]:
            return ""
    raise InferenceError(
        f"{weights} has the checksum {found[0]}, the Item states {known[0][0]}: these are other weights"
    )


# --- the network -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """An opened ONNX model with one input, and what the Item says about both of its sides.

    `size` is (height, width) of the tiles, `fixed` whether the network takes no other. `input_type` and `output_type`
    are numpy's names.
    """

    model: Model
    session: Any
    input_name: str
    input_type: str
    channels: int
    size: tuple[int, int]
    fixed: bool
    batch: int | None
    output_name: str
    output_type: str
    output_shape: tuple[int | str | None, ...]
    steps: Preparation
    result: Interpretation
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> range:
        """The places of the channels in pixels that have been selected already."""
        return range(self.channels)

    @property
    def overlap(self) -> int:
        """Pixels that neighbouring tiles share, unless told otherwise."""
        return min(self.size) // 4

    @property
    def gives_images(self) -> bool:
        """Whether the output is as large as the input, as far as the weights say."""
        sides = self.output_shape[2:]
        return len(self.output_shape) == 4 and all(
            not isinstance(side, int) or side == size for side, size in zip(sides, self.size, strict=True)
        )

    def run(self, tensor: Array) -> Array:
        """The first output for a tensor (N × channels × height × width). Raises InferenceError if the network fails."""
        import numpy as np

        tensor = np.ascontiguousarray(tensor, dtype=self.input_type)
        outputs = []
        step = self.batch or len(tensor)
        for start in range(0, len(tensor), step):
            part = tensor[start : start + step]
            missing = step - len(part)
            fed = np.concatenate([part, np.zeros((missing, *part.shape[1:]), part.dtype)]) if missing else part
            try:
                made = self.session.run([self.output_name], {self.input_name: fed})[0]
            except Exception as error:  # onnxruntime's errors have no base of their own
                raise InferenceError(f"the network failed: {_first_line(error)}") from error
            outputs.append(made[: len(part)])
        return np.concatenate(outputs) if len(outputs) > 1 else outputs[0]

    def predict(self, pixels: Array) -> tuple[Array, Array]:
        """The output (1 × …) for a tile of pixels (channels × height × width, not larger than `size`), and which pixels
        have data.

        A tile that is smaller than the network wants is filled up by reflection; an output as large as the tile is cut.
        """
        import numpy as np

        tensor, valid = prepare(pixels, self.steps, self.places)
        rows, columns = valid.shape
        wanted = self.size[0] - rows, self.size[1] - columns
        if max(wanted) > 0:
            tensor = np.pad(tensor, ((0, 0), (0, 0), (0, wanted[0]), (0, wanted[1])), mode="symmetric")
        output = self.run(tensor)
        if output.ndim == 4 and output.shape[2:] == self.size:
            output = output[:, :, :rows, :columns]
        return output, valid


def open_network(model: Model, weights: FilePath, threads: int = 0) -> Network:
    """The network of an Item with its weights. Raises InferenceError where the two disagree, or it cannot be run."""
    import onnxruntime

    recipe = to_recipe(model)
    if len(recipe.inputs) != 1:
        raise InferenceError(f"{model.id} has {len(recipe.inputs)} inputs; a model with one can be run")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise InferenceError(f"{weights} is no ONNX model that can be opened: {_first_line(error)}") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs)
        raise InferenceError(f"{weights} has {len(inputs)} inputs, {names}; a model with one can be run")
    steps, source = recipe.inputs[0], inputs[0]
    if steps.name and steps.name != source.name:
        raise InferenceError(f"the Item names the input {steps.name}, {weights} has {source.name}")
    if len(source.shape) != 4 or source.type not in _TYPES:
        raise InferenceError(f"{weights} takes {source.type} of shape {source.shape}, not a tensor N × C × H × W")
    batch, *sides = (size if isinstance(size, int) and size > 0 else None for size in source.shape)
    wanted = _agree(steps, sides, weights)
    if wanted[0] is None:
        raise InferenceError(f"neither {model.id} nor {weights} says how many bands the network takes")
    result = recipe.outputs[0] if recipe.outputs else Interpretation("values")
    notes: tuple[str, ...] = ()
    if len(outputs) > 1:
        notes = (f"the network has {len(outputs)} outputs; the first, {outputs[0].name}, is taken",)
    return Network(
        model=model,
        session=session,
        input_name=source.name,
        input_type=_TYPES[source.type],
        channels=wanted[0],
        size=(wanted[1] or FREE_SIZE, wanted[2] or FREE_SIZE),
        fixed=sides[1] is not None or sides[2] is not None,
        batch=batch,
        output_name=outputs[0].name,
        output_type=_TYPES.get(outputs[0].type, "float32"),
        output_shape=tuple(outputs[0].shape),
        steps=steps,
        result=result,
        notes=notes,
    )


def _agree(steps: Preparation, sides: Sequence[int | None], weights: FilePath) -> list[int | None]:
    """Channels, height and width of the tensor, from the weights where they are fixed there, else from the Item."""
    channels = len(steps.selected or steps.bands) or steps.size[0] or max(len(steps.mean), len(steps.std)) or None
    made = []
    for name, stated, found in zip(("channels", "rows", "columns"), (channels, *steps.size[1:]), sides, strict=True):
        if stated and found and stated != found:
            raise InferenceError(f"the Item states {stated} {name} of the tensor, {weights} has {found}")
        made.append(found or stated)
    for name, numbers in (("mean", steps.mean), ("std", steps.std)):
        if len(numbers) > 1 and len(numbers) != made[0]:
            raise InferenceError(f"the Item states {len(numbers)} values of {name} for {made[0]} channels")
    return made


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def check_pixels(steps: Preparation, dtype: str) -> None:
    """Raises InferenceError where pixels of this type are not what the Item says the model reads.

    Floating-point numbers may be shorter or longer, whole numbers may differ in sign: the values mean the same.
    """
    import numpy as np

    if steps.pixels is None:
        return
    stated, found = np.dtype(steps.pixels), np.dtype(dtype)
    alike = {stated.kind, found.kind} <= set("iu") and stated.itemsize == found.itemsize
    if stated != found and not alike and not stated.kind == found.kind == "f":
        raise InferenceError(f"the image has pixels of type {found}, the model reads {stated}: convert it first")


# --- tiles -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tile:
    """What the network is given, rows `top` to `bottom` and columns `left` to `right` of the image, and the part of the
    result that is kept, in rows and columns of the image: `rows` and `columns`, each from and to."""

    top: int
    left: int
    bottom: int
    right: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def kept(self) -> tuple[slice, slice]:
        """The part that is kept, in rows and columns of the tile."""
        return (
            slice(self.rows[0] - self.top, self.rows[1] - self.top),
            slice(self.columns[0] - self.left, self.columns[1] - self.left),
        )


def to_tiles(height: int, width: int, size: tuple[int, int], overlap: int) -> list[Tile]:
    """Tiles that cover an image, row by row; neighbours share at least `overlap` pixels, and each keeps its half.

    A tile lies inside the image where that is large enough, so no pixel is made up there. A pixel of the result comes
    from one tile, at least `overlap` // 2 pixels from its edges except at the edges of the image: a network that sees
    no farther gives the same as on the whole image.
    """
    rows, columns = _spans(height, size[0], overlap), _spans(width, size[1], overlap)
    return [Tile(top, left, bottom, right, r, c) for top, bottom, r in rows for left, right, c in columns]


def _spans(length: int, size: int, overlap: int) -> list[tuple[int, int, tuple[int, int]]]:
    if length <= size:
        return [(0, length, (0, length))]
    step = size - min(overlap, size - 1)
    starts = [*range(0, length - size, step), length - size]
    cuts = [0, *((second + first + size) // 2 for first, second in pairwise(starts)), length]
    return [(s, s + size, (cuts[i], cuts[i + 1])) for i, s in enumerate(starts)]


def predict_tiles(
    network: Network, read: Callable[[Tile], tuple[Array, Array | None]], tiles: Sequence[Tile]
) -> Iterator[tuple[Tile, Array, Array]]:
    """For each tile the kept part of the output (1 × channels × rows × columns), and which of its pixels have data.

    `read` gives the pixels of a tile (channels × height × width) and, where it knows more than the Item, which of them
    have data. Raises InferenceError where the output is not as large as the tile, or has other channels than the Item
    states.
    """
    for tile in tiles:
        pixels, known = read(tile)
        output, valid = network.predict(pixels)
        if output.ndim != 4 or output.shape[2:] != valid.shape:
            size = " × ".join(map(str, output.shape))
            raise InferenceError(f"the output, {size}, is no image of {valid.shape[0]} × {valid.shape[1]} pixels")
        stated = network.result.channels
        if network.result.kind != "values" and stated and stated != output.shape[1]:
            raise InferenceError(f"the Item states {stated} channels of the output, the weights give {output.shape[1]}")
        rows, columns = tile.kept
        valid = valid if known is None else valid & known
        yield tile, output[:, :, rows, columns], valid[rows, columns]


def predict_image(network: Network, image: Array, overlap: int) -> tuple[Array, Array]:
    """The output (1 × channels × height × width) for an image in memory (channels × height × width) of any size, and
    which of its pixels have data: what `run` computes, in one array."""
    import numpy as np

    height, width = image.shape[1:]
    valid = np.zeros((height, width), dtype=bool)
    made: Array | None = None
    tiles = to_tiles(height, width, network.size, overlap)
    for tile, output, mask in predict_tiles(
        network, lambda t: (image[:, t.top : t.bottom, t.left : t.right], None), tiles
    ):
        if made is None:
            made = np.empty((1, output.shape[1], height, width), output.dtype)
        made[:, :, slice(*tile.rows), slice(*tile.columns)] = output
        valid[slice(*tile.rows), slice(*tile.columns)] = mask
    assert made is not None  # noqa: S101  there is a tile at least
    return made, valid


# --- the recipe ------------------------------------------------------------------------------------------------------


def prepare(image: Array, steps: Preparation, places: Sequence[int] | None = None) -> tuple[Array, Array]:
    """The tensor (1 × channels × height × width) of an image (bands × height × width), and which pixels have data.

    `places` are the bands to take, where they stand elsewhere than the recipe says. What is no number is taken as 0: it
    would spread through the network.
    """
    import numpy as np

    chosen = steps.selected if places is None else places
    pixels = np.take(image, chosen, axis=0) if chosen else image
    valid = find_valid(pixels, steps)
    tensor = (np.where(np.isfinite(pixels), pixels, 0) if steps.may_be_nan else pixels).astype(steps.dtype)
    if steps.scaling is not None:
        np.multiply(tensor, steps.scaling, out=tensor)
    for operation, numbers in ((np.subtract, steps.mean), (np.divide, steps.std)):
        if numbers:
            operation(tensor, np.array(numbers).reshape(-1, 1, 1), out=tensor, casting="same_kind")
    return tensor[np.newaxis], valid


def find_valid(pixels: Array, steps: Preparation) -> Array:
    """Which pixels have data: not those where a band is no number, nor those where every band is the nodata value."""
    import numpy as np

    finite: Array = np.isfinite(pixels) if steps.may_be_nan else np.full(pixels.shape, fill_value=True)
    valid: Array = np.all(finite, axis=0)
    if steps.nodata is not None and math.isfinite(steps.nodata):
        valid &= (pixels != steps.nodata).any(axis=0)
    return valid


def interpret(output: Array, result: Interpretation, valid: Array | None = None) -> Array:
    """What an output (N × channels × …) says: a class for each pixel or image, or the values as float32.

    Where `valid` (height × width) is false a class map has `result.nodata`, values are not a number.
    """
    import numpy as np

    if result.kind == "values":
        made = output.astype("float32")
    elif result.kind == "threshold":
        made = np.where(output[:, 0] > 0, 1, 0).astype(result.dtype)
    else:
        made = np.argmax(output, axis=1).astype(result.dtype)
    if valid is not None and made.shape[-2:] == valid.shape:
        made = np.where(valid, made, np.asarray(np.nan if result.kind == "values" else result.nodata, made.dtype))
    return made
