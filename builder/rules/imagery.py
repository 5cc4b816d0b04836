"""Rules about the imagery and how it is fed to the network: bands, indices, lengths, ranges."""

from __future__ import annotations

import math
from collections.abc import Iterator

from builder.diagnostic import Fix, Path, Problem
from builder.model import Data, Input, Model
from builder.rules.registry import rule

# Largest pixel value by data type; floating-point types have no range of their own.
_INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "bool": (0, 1),
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
_FLOAT_LIMITS = {"float16": 65504.0, "float32": 3.4028235677973366e38}
# Micrometres; the ranges that the EO extension's table of common names gives, v1.1.0.
COMMON_NAME_RANGES = {
    "coastal": (0.40, 0.45), "blue": (0.45, 0.50), "green": (0.50, 0.60), "red": (0.60, 0.70),
    "yellow": (0.58, 0.62), "pan": (0.50, 0.70), "rededge": (0.70, 0.79), "nir": (0.75, 1.00),
    "nir08": (0.75, 0.90), "nir09": (0.85, 1.05), "cirrus": (1.35, 1.40), "swir16": (1.55, 1.75),
    "swir22": (2.10, 2.30), "lwir": (10.5, 12.5), "lwir11": (10.5, 11.5), "lwir12": (11.5, 12.5),
}  # fmt: skip
_RANGE_TOLERANCE = 0.01
_EO_BANDS: Path = ("eo:bands",)


def data_of(model: Model, index: int) -> Data | None:
    """The imagery that an input reads: its own, or the only one there is."""
    if len(model.data) == 1:
        return model.data[0]
    return model.data[index] if index < len(model.data) == len(model.inputs) else None


def available_bands(model: Model, data: Data | None) -> tuple[int, Path] | None:
    """How many bands the imagery has, and the path of the field that says so; None where nothing does."""
    if data is not None and data.number_of_bands is not None:
        return data.number_of_bands, (*data.path, "number_of_bands")
    return (len(model.bands), _EO_BANDS) if model.bands and len(model.data) <= 1 else None


def expected_channels(entry: Input, data: Data | None) -> tuple[int, Path, str] | None:
    """How many channels the model reads, the path of the field that says so, and what stands there."""
    if entry.selected_band:
        count = len(entry.selected_band)
        return count, (*entry.path, "selected_band"), f"{_count(count, 'band')} selected here"
    if data is not None and data.useful_bands:
        count = len(data.useful_bands)
        return count, (*data.path, "useful_bands"), f"{_count(count, 'useful band')} here"
    return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _length(model: Model, statistic: str) -> Iterator[Problem]:
    for index, entry in enumerate(model.inputs):
        values = entry.normalization_mean if statistic == "mean" else entry.normalization_std
        if not values:
            continue
        path = (*entry.path, f"normalization:{statistic}")
        expected = _wanted_length(model, index)
        if expected is not None and expected[0] != len(values):
            yield Problem(
                path,
                f"normalization:{statistic} has {_count(len(values), 'value')} for {_count(expected[0], 'band')}",
                "one value for each selected band, in the same order",
                related=((expected[1], expected[2]),),
            )


def _wanted_length(model: Model, index: int) -> tuple[int, Path, str] | None:
    """How many values an input's statistics need, as `expected_channels` gives it, or the tensor's `dim`."""
    entry = model.inputs[index]
    expected = expected_channels(entry, data_of(model, index))
    if expected is not None:
        return expected
    tensor = next((tensor for tensor in entry.input_tensors if tensor.dim is not None), None)
    if tensor is None or tensor.dim is None:
        return None
    return tensor.dim, (*tensor.path, "dim"), f"{_count(tensor.dim, 'channel')} here"


@rule("error")
def mean_length(model: Model) -> Iterator[Problem]:
    """`normalization:mean` must have one value for each selected band.

    Normalisation subtracts the first value from the first band and so on. With another number of values the model
    cannot be fed. Without `selected_band` the number of useful bands counts, without these the tensor's `dim`.
    """
    return _length(model, "mean")


@rule("error")
def std_length(model: Model) -> Iterator[Problem]:
    """`normalization:std` must have one value for each selected band, and as many as `normalization:mean`.

    Normalisation divides the first band by the first value and so on.
    """
    yield from _length(model, "std")
    for index, entry in enumerate(model.inputs):
        mean, std = len(entry.normalization_mean), len(entry.normalization_std)
        if mean and std and mean != std and _wanted_length(model, index) is None:
            yield Problem(
                (*entry.path, "normalization:std"),
                f"normalization:std has {_count(std, 'value')}, normalization:mean has {mean}",
                "one value of each for each selected band",
                related=(((*entry.path, "normalization:mean"), f"{_count(mean, 'value')} here"),),
            )


@rule("error")
def tensor_channels(model: Model) -> Iterator[Problem]:
    """The tensor's `dim` must be the number of selected bands.

    `dim` is the number of channels of the first layer; each selected band fills one.
    """
    for index, entry in enumerate(model.inputs):
        expected = expected_channels(entry, data_of(model, index))
        if expected is None or len(entry.input_tensors) != 1:
            continue
        tensor = entry.input_tensors[0]
        if tensor.dim is not None and tensor.dim != expected[0]:
            yield Problem(
                (*tensor.path, "dim"),
                f"the tensor has {_count(tensor.dim, 'channel')} for {_count(expected[0], 'band')}",
                f"dim: {expected[0]}, or correct the band selection",
                related=((expected[1], expected[2]),),
            )


@rule("error")
def band_index(model: Model) -> Iterator[Problem]:
    """An index of a band must be one that the imagery has.

    Indices count from 0, so imagery with 4 bands has the indices 0 to 3.
    """
    for index, entry in enumerate(model.inputs):
        data = data_of(model, index)
        available = available_bands(model, data)
        for position, band in enumerate(entry.selected_band):
            if available is not None and band >= available[0]:
                yield _outside((*entry.path, "selected_band", position), band, available)
    for data in model.data:
        available = (len(model.bands), _EO_BANDS) if model.bands else available_bands(model, data)
        for useful in data.useful_bands:
            if available is not None and useful.index is not None and useful.index >= available[0]:
                yield _outside((*useful.path, "index"), useful.index, available)


def _outside(path: Path, band: int, available: tuple[int, Path]) -> Problem:
    count, source = available
    return Problem(
        path,
        f"there is no band {band}: {source[-1]} gives {_count(count, 'band')}, with the indices 0 to {count - 1}",
        "indices count from 0" + (f"; the last band is {count - 1}" if band == count else ""),
        related=((source, f"{_count(count, 'band')} here"),),
    )


@rule("warning")
def band_name(model: Model) -> Iterator[Problem]:
    """A useful band's name should be that of the band at its index.

    A name that fits another band usually means that the index is off by one, and the model is fed the wrong band.
    """
    for data in model.data:
        for useful in data.useful_bands:
            if useful.name is None or useful.index is None or useful.index >= len(model.bands):
                continue
            band = model.bands[useful.index]
            names = [name for name in (band.name, band.common_name) if name]
            if names and useful.name not in names:
                other = next((i for i, b in enumerate(model.bands) if useful.name in (b.name, b.common_name)), None)
                hint = f"{useful.name} is band {other}" if other is not None else f"band {useful.index} is {names[0]}"
                yield Problem(
                    (*useful.path, "name"),
                    f"band {useful.index} of eo:bands is named {names[0]}, not {useful.name}",
                    hint,
                    related=((band.path, f"band {useful.index} here"),),
                )


@rule("warning")
def band_order(model: Model) -> Iterator[Problem]:
    """`selected_band` and `useful_bands` should name the same bands in the same order.

    Both say which bands the model reads and in which order. Where they disagree, whoever deploys the model has to
    guess which is right.
    """
    for index, entry in enumerate(model.inputs):
        data = data_of(model, index)
        useful = tuple(b.index for b in data.useful_bands if b.index is not None) if data else ()
        if data is None or not entry.selected_band or not useful or entry.selected_band == useful:
            continue
        order = "in another order" if sorted(entry.selected_band) == sorted(useful) else "other bands"
        yield Problem(
            (*entry.path, "selected_band"),
            f"selected_band is {list(entry.selected_band)}, but useful_bands names {list(useful)}: {order}",
            "make them agree; the order is that of the tensor's channels",
            related=(((*data.path, "useful_bands"), f"the indices {list(useful)} here"),),
        )


@rule("warning")
def process_level(model: Model) -> Iterator[Problem]:
    """`process_level` should be a level: L0 to L4.

    `ortho`, from older files, says how the images were corrected, and images of several levels are corrected so. Who
    looks for images that fit the model needs the level: L1C for radiance or reflectance at the top of the atmosphere,
    L2A for reflectance at the surface.
    """
    for data in model.data:
        if data.process_level == "ortho":
            message = "ortho says how the imagery was corrected, not its level"
            hint = "L1C at the top of the atmosphere, L2A at the surface, L4 for analysis-ready data"
            yield Problem((*data.path, "process_level"), message, hint)


@rule("warning")
def band_count(model: Model) -> Iterator[Problem]:
    """`number_of_bands` should be the number of `eo:bands`.

    Indices count into both, so they should describe the same bands.
    """
    if len(model.data) != 1 or not model.bands:
        return
    number = model.data[0].number_of_bands
    if number is not None and number != len(model.bands):
        yield Problem(
            (*model.data[0].path, "number_of_bands"),
            f"number_of_bands is {number}, but eo:bands lists {len(model.bands)}",
            "describe the same bands in both",
            related=((("eo:bands",), f"{_count(len(model.bands), 'band')} here"),),
        )


@rule("error")
def wavelength_unit(model: Model) -> Iterator[Problem]:
    """Wavelengths are in micrometres.

    Red is 0.665, not 665. A value above 100 is taken for nanometres: divide it by 1000. So is a width of more than
    twice the wavelength, which no band has.
    """
    places = [(band.path, band.center_wavelength, band.full_width_half_max) for band in model.bands]
    useful = (band for data in model.data for band in data.useful_bands)
    for path, centre, width in (*places, *((b.path, b.center_wavelength, b.full_width_half_max) for b in useful)):
        limit = 100.0 if centre is None else min(100, 2 * (centre / 1000 if centre > 100 else centre))
        for key, value, most in (("center_wavelength", centre, 100), ("full_width_half_max", width, limit)):
            if value is None or value <= most:
                continue
            micrometres = f"{value / 1000:.12g}"
            yield Problem(
                (*path, key),
                f"{key} is {value:g}, which looks like nanometres",
                f"in micrometres: {micrometres}",
                # 100 µm is the longest wavelength that the rule lets pass: more is another unit, or no wavelength.
                fix=Fix("value", micrometres) if value <= 100_000 else None,
            )


@rule("warning")
def wavelength_range(model: Model) -> Iterator[Problem]:
    """A band's wavelength should lie in the range of its common name.

    Common names match bands of different sensors; a band named red at 0.49 µm would be matched with the wrong ones.
    """
    for band in model.bands:
        limits = COMMON_NAME_RANGES.get(band.common_name or "")
        wavelength = band.center_wavelength
        if limits is None or wavelength is None or wavelength > 100:
            continue
        low, high = limits
        if not low - _RANGE_TOLERANCE <= wavelength <= high + _RANGE_TOLERANCE:
            fitting = [name for name, (a, b) in COMMON_NAME_RANGES.items() if a <= wavelength <= b]
            hint = f"{wavelength:g} µm is {' or '.join(fitting[:3])}" if fitting else "correct one of the two"
            yield Problem(
                (*band.path, "center_wavelength"),
                f"{wavelength:g} µm is outside of {band.common_name}, which is {low:g} to {high:g} µm",
                hint,
                related=(((*band.path, "common_name"), "the common name"),),
            )


@rule("warning")
def scaling_range(model: Model) -> Iterator[Problem]:
    """`scaling_factor` should bring the data type's range near 0 to 1.

    The factor multiplies the pixels. 1/255 suits `uint8` but leaves `uint16` reaching 257. A factor for data that fill
    only a part of their type's range (1/10000 for reflectance in `uint16`) is fine: the result may reach 10.
    """
    for index, entry in enumerate(model.inputs):
        data = data_of(model, index)
        if data is None or entry.scaling_factor is None or data.dtype not in _INTEGER_RANGES:
            continue
        top = _INTEGER_RANGES[data.dtype][1]
        reach = entry.scaling_factor * top
        if reach > 32 or reach < 1 / 32:
            yield Problem(
                (*entry.path, "scaling_factor"),
                f"{entry.scaling_factor:g} brings {data.dtype}, which reaches {top:,}, to {reach:.4g}, far from 1",
                f"1/{top} = {1 / top:.6g} scales the whole range; state another one only if the data fill a part of it",
                related=(((*data.path, "dtype"), f"the type of the data is {data.dtype}"),),
            )


@rule("warning")
def mean_range(model: Model) -> Iterator[Problem]:
    """A mean should lie within the range of the scaled data.

    The mean is that of the pixels after scaling. A mean of 1,400 with a scaling factor, or of 0.4 for `uint16` without
    one, usually belongs to the other convention.
    """
    for index, entry in enumerate(model.inputs):
        data = data_of(model, index)
        if data is None or data.dtype not in _INTEGER_RANGES:
            continue
        scale = entry.scaling_factor if entry.scaling_factor is not None else 1.0
        low, high = (limit * scale for limit in _INTEGER_RANGES[data.dtype])
        for position, mean in enumerate(entry.normalization_mean):
            if not low <= mean <= high:
                yield Problem(
                    (*entry.path, "normalization:mean", position),
                    f"the mean {mean:g} is outside of the scaled data, {low:g} to {high:g}",
                    "means and standard deviations are those after scaling",
                    related=_range_places(entry, data),
                )


@rule("warning")
def std_range(model: Model) -> Iterator[Problem]:
    """A standard deviation should be at most half of the range of the scaled data.

    More is impossible, whatever the pixels are: it would take half of them at the least value and half at the
    greatest. A larger value usually belongs to data before scaling.
    """
    for index, entry in enumerate(model.inputs):
        data = data_of(model, index)
        if data is None or data.dtype not in _INTEGER_RANGES:
            continue
        scale = entry.scaling_factor if entry.scaling_factor is not None else 1.0
        low, high = _INTEGER_RANGES[data.dtype]
        most = (high - low) * scale / 2
        for position, std in enumerate(entry.normalization_std):
            if std > most:
                yield Problem(
                    (*entry.path, "normalization:std", position),
                    f"the standard deviation {std:g} is more than {most:g}, half of the range of the scaled data",
                    "means and standard deviations are those after scaling",
                    related=_range_places(entry, data),
                )


def _range_places(entry: Input, data: Data) -> tuple[tuple[Path, str], ...]:
    """Where the range of the scaled data comes from."""
    low, high = _INTEGER_RANGES[data.dtype or ""]
    places: list[tuple[Path, str]] = [((*data.path, "dtype"), f"{data.dtype} reaches from {low:,} to {high:,}")]
    if entry.scaling_factor is not None:
        places.append(((*entry.path, "scaling_factor"), "the scaling"))
    return tuple(places)


_LARGEST_PIXEL = 500_000
"""Metres. The coarsest grids of models of the atmosphere have cells of some hundred kilometres."""


@rule("warning")
def gsd_range(model: Model) -> Iterator[Problem]:
    """`gsd` is in metres, and no imagery has pixels of more than 500 km.

    A larger number is in another unit, or has a zero too many.
    """
    if model.gsd is not None and model.gsd > _LARGEST_PIXEL:
        message = f"a pixel of {model.gsd:g} m is {model.gsd / 1000:g} km wide"
        yield Problem(("gsd",), message, f"in metres, such as {model.gsd / 1000:g} if millimetres were meant")


@rule("error")
def nodata_range(model: Model) -> Iterator[Problem]:
    """`nodata_value` must be a value that the data type can hold.

    No pixel of the imagery can have the value otherwise, and a mask made with it would be empty.
    """
    for data in model.data:
        value, dtype = data.nodata_value, data.dtype
        if value is None or dtype is None:
            continue
        message = None
        if dtype in _INTEGER_RANGES:
            low, high = _INTEGER_RANGES[dtype]
            if isinstance(value, str) or value != int(value) or not low <= value <= high:
                message = f"{dtype} holds whole numbers from {low} to {high}, not {value}"
        elif not isinstance(value, str) and math.isfinite(value) and abs(value) > _FLOAT_LIMITS.get(dtype, math.inf):
            message = f"{dtype} holds numbers up to {_FLOAT_LIMITS[dtype]:g}, not {value}"
        if message:
            yield Problem((*data.path, "nodata_value"), message, "correct nodata_value or dtype",
                          related=(((*data.path, "dtype"), f"the type of the data is {dtype}"),))  # fmt: skip
