"""Stage 6, render: the way from the imagery to the network, for each input: bands, steps and formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from builder.facts import (
    band_name,
    class_words,
    index_words,
    list_words,
    parameter_words,
    sentence,
    tensor_shape,
    to_shape,
    unique,
)
from builder.figures import (
    NO_GLYPH,
    Glyph,
    Radar,
    Spectrum,
    band_colour,
    draw_columns,
    draw_profile,
    draw_rows,
    draw_slabs,
    draw_whiskers,
    to_radar,
    to_spectrum,
)
from builder.layers import Layers
from builder.model import Band, Data, Input, Model, Output, UsefulBand
from builder.templates import format_number, format_plain
from builder.words import say, say_count

MOST_BANDS = 32
"""Bands without known wavelengths that a small figure is asked to draw."""


@dataclass(frozen=True, slots=True)
class BandRow:
    """A band in a table: `order` is its place in the tensor from 0, `index` its place in the imagery from 0."""

    order: int | None
    index: int | None
    band: Band | UsefulBand
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A station on the way from the imagery to the classes, with its figure; no value where it is not stated."""

    kind: str
    label: str
    value: str = ""
    note: str = ""
    glyph: Glyph = NO_GLYPH


@dataclass(frozen=True, slots=True)
class InputView:
    """One input: its bands in the model's order, the sensor's other bands, and the way from a pixel to the tensor."""

    id: str
    input: Input
    name: str
    bands: tuple[BandRow, ...]
    other_bands: tuple[BandRow, ...]
    spectrum: Spectrum | None
    radar: Radar | None
    shapes: tuple[str, ...]
    steps: tuple[Step, ...]
    formula: str


def to_input_view(model: Model, index: int) -> InputView:
    entry = model.inputs[index] if index < len(model.inputs) else Input(())
    data = model.data[min(index, len(model.data) - 1)] if model.data else None
    mean, std = entry.normalization_mean, entry.normalization_std
    chosen = model.selected_bands(index)
    rows = tuple(
        BandRow(
            order,
            entry.selected_band[order] if order < len(entry.selected_band) else _band_index(band),
            band,
            mean[order] if order < len(mean) else mean[0] if len(mean) == 1 else None,
            std[order] if order < len(std) else std[0] if len(std) == 1 else None,
        )
        for order, band in enumerate(chosen)
    )
    if not rows and (mean or std):
        # The bands are not known, but their numbers are: a row for each.
        count = max(len(mean), len(std))
        rows = tuple(
            BandRow(i, entry.selected_band[i] if i < len(entry.selected_band) else None, Band(()),
                    mean[i] if i < len(mean) else None, std[i] if i < len(std) else None)
            for i in range(count)
        )  # fmt: skip
    used = {band.path for band in chosen}
    # With several inputs, bands that no input is known to read may be anyone's.
    rest = model.bands if chosen or len(model.inputs) < 2 else ()
    others = tuple(BandRow(None, _band_index(band), band) for band in rest if band.path not in used)
    shapes = tuple(filter(None, (tensor_shape(tensor) for tensor in entry.input_tensors)))
    return InputView(
        id=f"input-{index}",
        input=entry,
        name=entry.name or (say("Input {0}", index + 1) if len(model.inputs) > 1 else ""),
        bands=rows,
        other_bands=others,
        spectrum=to_spectrum(chosen, [row.band for row in others], f"input-{index}"),
        radar=to_radar(chosen, [row.band for row in others], f"input-{index}", radar_words(model)),
        shapes=shapes,
        steps=tuple(_steps(model, entry, data, rows, shapes)),
        formula=to_formula(entry),
    )


def _band_index(band: Band | UsefulBand) -> int | None:
    if isinstance(band, UsefulBand):
        return band.index
    return band.path[-1] if band.path and isinstance(band.path[-1], int) else None


def _steps(
    model: Model, entry: Input, data: Data | None, rows: tuple[BandRow, ...], shapes: tuple[str, ...]
) -> Iterator[Step]:
    """The way from the imagery to the tensor, step by step."""
    bands = (data.number_of_bands if data else None) or len(model.bands)
    colours = [band_colour(row.band) for row in rows]
    level = data.process_level or "" if data else ""
    # Inputs with imagery of their own: which of the model's sensors took which is not stated.
    apart = len(model.inputs) > 1 and len(model.data) == len(model.inputs)
    taken = (", ".join(model.sensors or model.instruments) if not apart else "") or level
    kind = " · ".join(
        filter(None, (say_count("{0} band", "{0} bands", bands) if bands else "", data.dtype if data else ""))
    )
    yield Step(
        "imagery",
        say("Imagery"),
        taken or kind,
        kind if taken else "",
        draw_rows(
            [band_colour(band) for band in model.bands] if len(model.bands) == bands else [""] * min(bands, MOST_BANDS)
        ),
    )
    names = list_words([band_name(row.band) for row in rows if row.band.name or row.band.common_name])
    indices = index_words([row.index for row in rows if row.index is not None] or entry.selected_band)
    chosen = draw_columns(colours or [""] * min(len(entry.selected_band), MOST_BANDS))
    yield Step(
        "bands",
        say("Band selection"),
        names or indices,
        say("indices {0}", indices) if names and indices else "",
        chosen,
    )
    scaling, words = entry.scaling_factor, _inverse_words(entry.scaling_factor)
    number = format_number(scaling) if scaling is not None else ""
    if words.startswith("=") and len(number) > 8:
        # Nobody reads 1/255 out of its seventeen digits.
        yield Step("scaling", say("Scaling"), f"× {words[2:]}", f"= {number}")
    else:
        yield Step("scaling", say("Scaling"), f"× {number}" if number else "", words)
    steps = [
        word
        for word, numbers in ((say("− mean"), entry.normalization_mean), (say("÷ std"), entry.normalization_std))
        if numbers
    ]
    glyph = draw_whiskers(entry.normalization_mean, entry.normalization_std)
    yield Step("normalization", say("Normalization"), " ".join(steps), say("per band") if steps else "", glyph)
    dims = next((tensor.dim for tensor in entry.input_tensors if tensor.dim), 0) or 0
    channels = draw_slabs(colours if len(colours) >= dims else [""] * min(dims, MOST_BANDS))
    words = "; ".join(shapes).replace("× ", "×\u00a0")
    yield Step("tensor", say("Tensor"), words, "N × C × H × W" if shapes else "", channels)


def to_network(model: Model, layers: tuple[Layers | None, ...]) -> Step:
    """Where all inputs join."""
    parameters = parameter_words(model)
    stages = next((parsed.stages for parsed in layers if parsed), ())
    return Step(
        "network",
        say("Network"),
        unique(a.type or "" for a in model.architecture),
        say("{0} parameters", parameters) if parameters else "",
        draw_profile([stage.parameters for stage in stages]),
    )


def to_head(output: Output) -> tuple[Step, ...]:
    """What comes out of the network at one output, and the classes if it has any."""
    shape = to_shape(output.final_layer_size)
    channels = output.final_layer_size[1] if len(output.final_layer_size) > 1 else output.number_of_classes or 0
    task = sentence(output.task or "")
    out = Step(
        "output", say("Output"), shape or task, task if shape else "", draw_slabs([""] * min(channels or 0, MOST_BANDS))
    )
    words = class_words(output)
    if not words:
        return (out,)
    colours = [entry.color or "" for entry in output.class_name_mapping if entry.index != output.dont_care_index]
    number = output.number_of_classes or len(colours)
    names = [entry.class_name for entry in output.class_name_mapping if entry.index != output.dont_care_index]
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    glyph = draw_columns(colours or [""] * min(number, MOST_BANDS))
    return out, Step("classes", say("Classes"), words, shown if names else "", glyph)


def radar_words(model: Model) -> str:
    """The radar frequency as the model file states it: "C band, 5.405 GHz"."""
    band, centre = model.fields.get("sar:frequency_band"), model.fields.get("sar:center_frequency")
    frequency = f"{format_number(centre)} GHz" if centre else ""
    return say("{0} band{1}", band, f", {frequency}" if frequency else "") if band else frequency


def _inverse_words(factor: float | None) -> str:
    """The factor as a fraction when it is one: "≈ 1/255"."""
    if not factor or factor >= 1:
        return ""
    inverse = round(1 / factor)
    if abs(inverse * factor - 1) >= 1e-4:
        return ""
    return f"= 1/{inverse}" if factor == 1 / inverse else f"≈ 1/{inverse}"


def to_formula(entry: Input) -> str:
    """The arithmetic from a pixel's value to the tensor's."""
    term = "pixel" if entry.scaling_factor is None else f"pixel × {format_plain(entry.scaling_factor)}"
    if entry.normalization_mean:
        term = f"{term} − mean"
    if entry.normalization_std:
        term = f"({term}) / std" if entry.normalization_mean or entry.scaling_factor is not None else f"{term} / std"
    return "" if term == "pixel" else f"x = {term}"
