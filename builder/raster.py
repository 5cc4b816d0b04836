"""What the command `run` does: an image read in windows, given to a network in tiles, the result written in windows.

What is in memory does not grow with the image, except for blocks of the file in GDAL's cache, which is limited. The
result stands under its name only when it is complete. rasterio and numpy, of the extra `run`, are imported where they
are used.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from builder import __version__
from builder.inference import InferenceError, Network, Tile, check_pixels, interpret, predict_tiles, to_tiles
from builder.recipe import Interpretation, Preparation

if TYPE_CHECKING:
    from builder.inference import Array
    from builder.pipeline import Progress

CACHE = 64 * 1024**2
"""Bytes of blocks that GDAL keeps: enough for a row of blocks of an image of 60,000 columns."""
MOST_CHANNELS = 4096


@dataclass(frozen=True, slots=True)
class Written:
    """What `run` wrote: the size, the kind of values, and what a reader should know."""

    width: int
    height: int
    bands: int
    dtype: str
    tiles: int
    notes: tuple[str, ...]


def run(
    network: Network,
    image: FilePath,
    output: FilePath,
    *,
    bands: Sequence[int] = (),
    overlap: int | None = None,
    progress: Progress = lambda *_: None,
) -> Written:
    """Writes the result of a network for an image as a GeoTIFF on the same grid.

    `bands` are numbers of bands from 1, as GDAL counts, in the order of the tensor; without them they are found by
    name. Raises InferenceError where the image does not fit, cannot be read, or the result cannot be written.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with rasterio.Env(GDAL_CACHEMAX=CACHE), _quiet(NotGeoreferencedWarning):
        try:
            with rasterio.open(image) as source:
                return _run(network, source, output, bands, overlap, progress)
        except (RasterioError, OSError) as error:
            raise InferenceError(f"{image} to {output}: {error}") from error


def _quiet(category: type[Warning]) -> Any:
    import warnings

    return warnings.catch_warnings(action="ignore", category=category)


def _run(
    network: Network,
    source: Any,
    output: FilePath,
    bands: Sequence[int],
    overlap: int | None,
    progress: Progress,
) -> Written:
    import rasterio
    from rasterio.windows import Window

    numbers, note = find_bands(network, source, bands)
    check_pixels(network.steps, source.dtypes[numbers[0] - 1])
    shared = network.overlap if overlap is None else overlap
    if not 0 <= shared <= min(network.size) // 2:
        raise InferenceError(f"the overlap is 0 to {min(network.size) // 2} pixels, half a tile; {shared} is not")
    tiles = to_tiles(source.height, source.width, network.size, shared)
    read = _reader(source, numbers)
    # Beside the result, so that it can take its name in one step.
    partial = output.with_name(f".{output.name}.partial")
    target = None
    done = 0
    try:
        for tile, values, valid in predict_tiles(network, read, tiles):
            if target is None:
                target = rasterio.open(partial, "w", **_profile(network.result, source, values))
                _describe(network, source, target)
            made = interpret(values, network.result, valid)
            block = made if made.ndim == 3 else made[0]
            (top, bottom), (left, right) = tile.rows, tile.columns
            target.write(block, window=Window(left, top, right - left, bottom - top))
            done += 1
            progress("run", done, len(tiles))
        assert target is not None  # noqa: S101  there is a tile at least
        bands_written, dtype = target.count, target.dtypes[0]
        target.close()
        partial.replace(output)
    finally:
        if target is not None and not target.closed:
            target.close()
        with suppress(OSError):
            partial.unlink()
    notes = tuple(filter(None, (note, *network.notes)))
    return Written(source.width, source.height, bands_written, dtype, len(tiles), notes)


# --- the image -------------------------------------------------------------------------------------------------------


def find_bands(network: Network, source: Any, given: Sequence[int] = ()) -> tuple[list[int], str]:
    """The numbers from 1 of the image's bands for the channels of the tensor, and a note where that is a guess.

    By the names in the image's band descriptions; where it has none, by the places that the Item states, if the image
    has as many bands as the Item's imagery. Raises InferenceError with the bands that there are.
    """
    steps, count = network.steps, source.count
    if given:
        if len(given) != network.channels or not all(1 <= number <= count for number in given):
            raise InferenceError(f"--bands names {network.channels} of the bands 1 to {count}, not {list(given)}")
        return list(given), ""
    described = [text or "" for text in source.descriptions]
    if any(described) and steps.bands:
        return _by_name(steps, described), ""
    imagery = network.model.data[0].number_of_bands if network.model.data else None
    imagery = imagery or len(network.model.bands) or network.channels
    if count != imagery:
        raise InferenceError(
            f"the image has {count} bands without names; the Item describes imagery of {imagery}. "
            f"Describe the bands, or name their numbers with --bands, for {_wanted(network)}"
        )
    places = [place + 1 for place in steps.selected] or list(range(1, network.channels + 1))
    if max(places) > count or len(places) != network.channels:
        raise InferenceError(f"the image has {count} bands, the model reads the bands {places}")
    return places, f"the bands of the image have no names: {places} are taken, as the Item counts them"


def _wanted(network: Network) -> str:
    names = ", ".join(name or common or "?" for name, common in network.steps.bands)
    return f"the {network.channels} channels {names}" if names else f"{network.channels} channels"


def _by_name(steps: Preparation, described: Sequence[str]) -> list[int]:
    found, missing = [], []
    for name, common in steps.bands:
        numbers: list[int] = []
        for wanted in filter(None, (name, common)):
            keys = {_key(wanted)}
            numbers = numbers or [i for i, text in enumerate(described, 1) if _key(text) in keys]
            # "B4, central wavelength 665 nm", as GDAL describes the bands of Sentinel-2.
            numbers = numbers or [
                i for i, text in enumerate(described, 1) if _key(re.split(r"[\s,;:(]", text)[0]) in keys
            ]
        shown = name or common or "?"
        if len(numbers) > 1:
            raise InferenceError(f"the image has {len(numbers)} bands called {shown}: {numbers}. Choose with --bands")
        if numbers:
            found += numbers
        else:
            missing.append(shown if not common or common == shown else f"{shown} ({common})")
    if missing:
        there = ", ".join(text or f"(band {number})" for number, text in enumerate(described, 1))
        raise InferenceError(f"the image has no band {', '.join(missing)}; it has {there}")
    return found


def _key(text: str) -> str:
    """A band's name without case and without zeros before a number: B04 is b4."""
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text.strip().casefold())


def _reader(source: Any, numbers: Sequence[int]) -> Callable[[Tile], tuple[Array, Array | None]]:
    """Reads the pixels of a tile, and which of them have data as the image itself says: by nodata value or mask."""
    import numpy as np
    from rasterio.enums import MaskFlags
    from rasterio.windows import Window

    nodata = [source.nodatavals[number - 1] for number in numbers]
    masked = MaskFlags.per_dataset in source.mask_flag_enums[numbers[0] - 1]

    def read(tile: Tile) -> tuple[Array, Array | None]:
        window = Window(tile.left, tile.top, tile.right - tile.left, tile.bottom - tile.top)
        pixels: Array = source.read(list(numbers), window=window)
        known: Array | None = None
        if masked:
            known = source.read_masks(numbers[0], window=window) > 0
        elif None not in nodata:
            empty = [np.isnan(p) if np.isnan(value) else p == value for p, value in zip(pixels, nodata, strict=True)]
            known = ~np.all(empty, axis=0)
        return pixels, known

    return read


# --- the result ------------------------------------------------------------------------------------------------------


def _profile(result: Interpretation, source: Any, values: Array) -> dict[str, Any]:
    import numpy as np

    channels = values.shape[1]
    is_map = result.kind != "values"
    if not is_map and channels > MOST_CHANNELS:
        raise InferenceError(f"the output has {channels} channels; up to {MOST_CHANNELS} are written")
    return {
        "driver": "GTiff",
        "width": source.width,
        "height": source.height,
        "count": 1 if is_map else channels,
        "dtype": result.dtype if is_map else "float32",
        "nodata": result.nodata if is_map else np.nan,
        "crs": source.crs,
        "transform": source.transform,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "predictor": 1 if is_map else 3,
        "bigtiff": "if_safer",
    }


def _describe(network: Network, source: Any, target: Any) -> None:
    """Says in the result what it is: the model, the classes with their names and colours."""
    points, crs = source.gcps
    if points:
        target.gcps = (points, crs)
    result, model = network.result, network.model
    tags = {"DLM_MODEL": model.id, "DLM_VERSION": model.version, "TIFFTAG_SOFTWARE": f"dlm-catalog {__version__}"}
    target.update_tags(**{key: value for key, value in tags.items() if value})
    if result.kind == "values":
        return
    target.set_band_description(1, "class")
    target.update_tags(1, **{f"CLASS_{index}": name for index, name in result.names})
    if result.dtype in ("uint8", "uint16"):
        target.write_colormap(1, to_colors(result))


def to_colors(result: Interpretation) -> dict[int, tuple[int, int, int, int]]:
    """Red, green, blue and opacity by class index, 0 to 255: as stated, else hues that differ from their neighbours'.

    What stands for no data is transparent.
    """
    number = 2 if result.kind == "threshold" else result.channels or 0
    indices = {*range(number), *(index for index, _ in result.names)}
    # Steps by the golden ratio spread any number of hues.
    colors = {
        index: tuple(round(255 * part) for part in colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.65, 0.9))
        for index in sorted(indices)
    }
    for index, text in result.colors:
        colors[index] = tuple(bytes.fromhex(text.removeprefix("#")))
    table = {index: (red, green, blue, 255) for index, (red, green, blue) in colors.items()}
    if result.nodata is not None:
        table[result.nodata] = (0, 0, 0, 0)
    return table
