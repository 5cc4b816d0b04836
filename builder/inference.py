"""What a recipe says, computed with numpy: from an image to the tensor, and from the output to classes or values.

Each step is rounded to the type of the tensor, as the recipe's program does it and as training code does
(`x -= mean; x /= std`). The order of the roundings matters: a change of a float32 input in its last digit changes the
logits of a deep network in the fourth. numpy is imported where it is used; it comes with the extra `run`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from builder.recipe import Interpretation, Preparation

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


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
