"""Stage 6, draw: the geometry of the figures on a card, as numbers that the templates put into SVG.

Lengths along a strip are percentages, so that a strip is as wide as the page and its text keeps its size; all other
lengths are pixels.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from builder.model import Band, UsefulBand
from builder.rules.imagery import COMMON_NAME_RANGES
from builder.words import localize, say

SHORTEST, LONGEST = 0.38, 2.5
"""Ends of the spectrum strip, in micrometres."""
COLDEST, WARMEST = 8.0, 14.0
"""Ends of the thermal part, which stands apart at the right of a strip that needs it, in micrometres."""
TICKS = (0.4, 0.5, 0.7, 1.0, 1.6, 2.2)
THERMAL_TICKS = (10.5,)
THERMAL_START = 86.0
"""Where the thermal part begins, in percent of the strip; what is before it ends 4 percent earlier."""
NARROWEST = 0.8
"""Least width of a bar, in percent of the strip, so that it can be seen."""
_LANE_WIDTH, _DIGIT_WIDTH = 4.5, 1.8
"""Width that a channel's number takes, in percent of the narrowest strip: of one digit, and of each further one."""
_MOST_LANES = 4
"""Rows of numbers above a strip; a channel that has no place in them is drawn without its number."""
LANE_HEIGHT, BAR_HEIGHT, AXIS_HEIGHT = 13, 30, 18
_NESTED = 9
"""By how much a bar is lower than the wider one that it lies in, so that both are seen."""
POLARIZATIONS = frozenset({"HH", "HV", "VH", "VV"})
MOST_DRAWN = 16
"""Bands or channels that a small figure draws; of more it draws the first."""

# Stops of the visible spectrum and beyond, chosen to stand out on white and on black alike.
_COLOURS = (
    (0.38, (124, 77, 200)), (0.45, (64, 98, 214)), (0.49, (38, 128, 204)), (0.53, (32, 142, 98)),
    (0.57, (96, 138, 24)), (0.59, (176, 120, 0)), (0.62, (206, 92, 22)), (0.67, (204, 54, 54)),
    (0.75, (166, 50, 86)), (0.90, (138, 74, 120)), (1.40, (122, 98, 128)), (2.50, (120, 112, 120)),
    (8.00, (168, 92, 60)), (14.0, (140, 84, 70)),
)  # fmt: skip


# --- spectrum --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """A band on the strip: left edge and width in percent; `lane` is the row of its number, from the bars upwards.

    `top` is how much lower than the strip it is; `loose` is one whose wavelength is known by its common name only.
    """

    x: str
    width: str
    centre: str
    colour: str
    label: str
    title: str
    lane: int = 0
    top: int = 0
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The model's bands, and the sensor's other ones, along a logarithmic axis of wavelength. Heights in pixels.

    `tracks` are the parts of the axis (left edge and width in percent); `outside` says which bands the strip cannot
    show.
    """

    id: str
    bars: tuple[Bar, ...]
    others: tuple[Bar, ...]
    tracks: tuple[tuple[str, str], ...]
    ticks: tuple[tuple[str, str], ...]
    outside: tuple[str, ...]
    top: int
    height: int
    loose: bool


class _Span(NamedTuple):
    """Where a band lies, in micrometres."""

    low: float
    high: float
    centre: float
    loose: bool


def to_spectrum(bands: Sequence[Band | UsefulBand], others: Sequence[Band | UsefulBand], name: str) -> Spectrum | None:
    """The strip of an input's bands in channel order; None when there is nothing to place on it."""
    spans = [_span(band) for band in bands]
    rest = [(span, band) for band in others if (span := _span(band)) is not None and not span.loose]
    thermal = any(span is not None and _is_thermal(span) for span in (*spans, *(span for span, _ in rest)))
    axis = _AXES[thermal]
    titles = [say("channel {0}: {1}", channel, _title(band)) for channel, band in enumerate(bands)]
    outside = [title for title, span in zip(titles, spans, strict=True) if span is None]
    placed: dict[int, tuple[_Span, tuple[float, float], float]] = {}
    for channel, span in enumerate(spans):
        if span is not None and (ends_at := axis.place(span)) is not None:
            placed[channel] = span, ends_at, axis.at(span.centre)
        elif span is not None:
            outside.append(titles[channel])
    if not placed:
        return None
    heights = _nest(placed)
    lanes, deepest = _place_numbers(placed)
    bars = [
        _bar(*placed[channel], str(channel) if channel in lanes else "", titles[channel], lanes.get(channel, 0), height)
        for channel, height in sorted(heights.items(), key=lambda pair: (pair[1], placed[pair[0]][0].centre, pair[0]))
    ]
    unread = [(span, ends_at, _title(band)) for span, band in rest if (ends_at := axis.place(span)) is not None]
    top = deepest * LANE_HEIGHT + 2
    return Spectrum(
        name,
        tuple(bars),
        tuple(_bar(span, ends_at, axis.at(span.centre), "", title) for span, ends_at, title in unread),
        axis.tracks,
        axis.ticks,
        tuple(outside),
        top,
        top + BAR_HEIGHT + AXIS_HEIGHT,
        any(bar.loose for bar in bars),
    )


def _nest(placed: Mapping[int, tuple[_Span, tuple[float, float], float]]) -> dict[int, int]:
    """How much lower than the strip the bar of each channel is: more, where it lies within wider ones."""
    heights: dict[int, int] = {}
    drawn: list[tuple[float, float, int]] = []
    for channel in sorted(placed, key=lambda c: (-math.log(placed[c][0].high / placed[c][0].low), c)):
        left, right = placed[channel][1]
        level = max((deep + 1 for a, b, deep in drawn if min(right, b) - max(left, a) > 0.6 * (right - left)),
                    default=0)  # fmt: skip
        drawn.append((left, right, min(level, 2)))
        heights[channel] = min(level, 2) * _NESTED
    return heights


def _place_numbers(placed: Mapping[int, tuple[_Span, tuple[float, float], float]]) -> tuple[dict[int, int], int]:
    """The row of the number of each channel, as far as there is room, and how many rows there are."""
    lanes: dict[int, int] = {}
    ends: list[float] = []
    for channel in sorted(placed, key=lambda c: (placed[c][0].centre, c)):
        centre = placed[channel][2]
        lane = next((i for i, end in enumerate(ends) if end <= centre), len(ends))
        if lane < _MOST_LANES:
            ends[lane : lane + 1] = [centre + _LANE_WIDTH + _DIGIT_WIDTH * (len(str(channel)) - 1)]
            lanes[channel] = lane
    return lanes, len(ends)


class _Axis:
    """Where a wavelength stands, in percent: logarithmic, or half of all bands would share a fifth of the strip."""

    def __init__(self, thermal: bool) -> None:
        self.parts = [(SHORTEST, LONGEST, 0.0, THERMAL_START - 4 if thermal else 100.0)]
        if thermal:
            self.parts.append((COLDEST, WARMEST, THERMAL_START, 100.0))
        self.tracks = tuple((_percent(left), _percent(right - left)) for _, _, left, right in self.parts)
        ticks = [*TICKS, *(THERMAL_TICKS if thermal else ())]
        self.ticks = tuple((_percent(self.at(tick)), f"{tick * 1000:.0f}") for tick in ticks)

    def at(self, wavelength: float) -> float:
        for part in self.parts:
            if wavelength <= part[1]:
                break
        low, high, left, right = part
        return left + (right - left) * math.log(wavelength / low) / math.log(high / low)

    def place(self, span: _Span) -> tuple[float, float] | None:
        """Both ends of a band, cut at the ends of its part of the axis; None for one outside."""
        for low, high, *_ in self.parts:
            if low <= span.centre <= high:
                left, right = self.at(max(span.low, low)), self.at(min(span.high, high))
                if right - left < NARROWEST:
                    middle = (left + right) / 2
                    left, right = middle - NARROWEST / 2, middle + NARROWEST / 2
                return left, right
        return None


def _span(band: Band | UsefulBand) -> _Span | None:
    centre = band.center_wavelength
    if centre is not None and centre > 0:
        half = min(max(band.full_width_half_max or 0.0, 0.0) / 2, centre * 0.9)
        return _Span(centre - half, centre + half, centre, False)
    if band.common_name in COMMON_NAME_RANGES:
        low, high = COMMON_NAME_RANGES[band.common_name]
        return _Span(low, high, (low + high) / 2, True)
    return None


def _is_thermal(span: _Span) -> bool:
    return COLDEST <= span.centre <= WARMEST


def _bar(
    span: _Span, ends: tuple[float, float], middle: float, label: str, title: str, lane: int = 0, top: int = 0
) -> Bar:
    left, right = ends
    x, width = _percent(left), _percent(right - left)
    return Bar(x, width, _percent(middle), colour_of(span.centre), label, title, lane, top, span.loose)


def _title(band: Band | UsefulBand) -> str:
    name = band.name or band.common_name or say("unnamed")
    if band.center_wavelength is None:
        span = _span(band)
        if span is None:
            return name
        return say("{0}, {1} to {2} by its common name", name, _nanometres(span.low), _nanometres(span.high))
    width = say(", {0} wide", _nanometres(band.full_width_half_max)) if band.full_width_half_max else ""
    return f"{name}, {_nanometres(band.center_wavelength)}{width}"


def _nanometres(micrometres: float) -> str:
    return localize(f"{float(f'{micrometres * 1000:.4g}'):g} nm")


@functools.lru_cache(maxsize=4096)  # bands of the same sensors lie at the same places; no value is -0.0, which is 0.0
def _percent(value: float) -> str:
    return f"{round(value, 2):g}%"


_AXES = (_Axis(thermal=False), _Axis(thermal=True))


@functools.lru_cache(maxsize=1024)
def colour_of(wavelength: float) -> str:
    """A colour that suggests the wavelength (micrometres), as #rrggbb."""
    below = max((stop for stop in _COLOURS if stop[0] <= wavelength), default=_COLOURS[0])
    above = min((stop for stop in _COLOURS if stop[0] >= wavelength), default=_COLOURS[-1])
    share = 0.0 if above[0] == below[0] else (wavelength - below[0]) / (above[0] - below[0])
    mixed = [round(a + (b - a) * share) for a, b in zip(below[1], above[1], strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def band_colour(band: Band | UsefulBand) -> str:
    """The colour of a band where its wavelength is known, if only by its common name; else empty."""
    span = _span(band)
    return colour_of(span.centre) if span else ""


# --- radar -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """A radar channel: its number ("" where the model does not read it), name, and its two directions: V or H."""

    x: str
    width: str
    label: str
    name: str
    transmitted: str
    received: str


@dataclass(frozen=True, slots=True)
class Radar:
    """The polarisations of an input in channel order; `about` is the frequency as stated."""

    id: str
    boxes: tuple[Box, ...]
    outside: tuple[str, ...]
    about: str


def polarization_of(band: Band | UsefulBand) -> str:
    """VV, VH, HH or HV if the band's name is or ends in one; else empty."""
    return _polarization(band.name) if band.name else ""


@functools.lru_cache(maxsize=1024)
def _polarization(name: str) -> str:
    last = name.upper().replace("-", "_").rsplit("_", 1)
    return next((part for part in reversed(last) if part in POLARIZATIONS), "")


def to_radar(
    bands: Sequence[Band | UsefulBand], others: Sequence[Band | UsefulBand], name: str, about: str
) -> Radar | None:
    """The strip of an input's radar channels; None where it has none."""
    chosen = [(str(i), band, polarization_of(band)) for i, band in enumerate(bands) if polarization_of(band)]
    if not chosen:
        return None
    boxes = [*chosen, *(("", band, polarization_of(band)) for band in others if polarization_of(band))][:MOST_DRAWN]
    width = min(100 / len(boxes), 25.0)
    return Radar(
        name,
        tuple(
            Box(_percent(i * width), _percent(width - 1), label, band.name or kind, kind[0], kind[1])
            for i, (label, band, kind) in enumerate(boxes)
        ),
        tuple(
            say("channel {0}: {1}", i, _title(b))
            for i, b in enumerate(bands)
            if not polarization_of(b) and _span(b) is None
        ),
        about,
    )


# --- classes ---------------------------------------------------------------------------------------------------------

SWATCH_WIDTH, SWATCH_HEIGHT = 22, 14
_SPACINGS = (7, 4, 10)


def draw_hatch(number: int) -> str:
    """Path data of a pattern for a class without a colour: 24 that differ in direction and density."""
    kind, spacing = number % 8, _SPACINGS[number // 8 % len(_SPACINGS)]
    width, height = SWATCH_WIDTH, SWATCH_HEIGHT
    if kind in (0, 4):
        drawn = "".join(f"M{x} {height}l{height}-{height}" for x in range(-height, width, spacing))
        return drawn + (draw_hatch(number - 2) if kind == 4 else "")
    if kind == 2:
        return "".join(f"M{x} 0l{height} {height}" for x in range(-height, width, spacing))
    if kind in (1, 5):
        drawn = "".join(f"M0 {y}h{width}" for y in range(spacing // 2, height, spacing))
        return drawn + (draw_hatch(number - 2) if kind == 5 else "")
    if kind == 3:
        return "".join(f"M{x} 0v{height}" for x in range(spacing // 2, width, spacing))
    if kind == 6:
        return "".join(
            f"M{x} {y}h2" for y in range(spacing // 2, height, spacing) for x in range(spacing // 2, width, spacing)
        )
    half = spacing // 2 + 1
    teeth = f"l{half}-{half} {half} {half}" * (width // half // 2 + 1)
    return "".join(f"M0 {y}{teeth}" for y in range(half, height + half, spacing + 1))


# --- small figures of the pipeline -----------------------------------------------------------------------------------


_BEYOND = 1e300
"""Numbers that are not drawn: they, or what is worked out from them, may be no finite floats."""
_ANY_LAYERS = (28.0, 22.0, 16.0, 10.0, 16.0, 22.0)


@dataclass(frozen=True, slots=True)
class Glyph:
    """A figure of 72 × 36 pixels as path data: areas by colour ("" for the text's), lines, and dots."""

    areas: tuple[tuple[str, str], ...] = ()
    lines: str = ""
    dots: str = ""


NO_GLYPH = Glyph()


def draw_rows(colours: Sequence[str]) -> Glyph:
    """An image's bands, one below the other."""
    return _rows(tuple(colours[:MOST_DRAWN]))


@functools.lru_cache(maxsize=256)  # models for the same imagery have the same figures
def _rows(rows: tuple[str, ...]) -> Glyph:
    step = 32 / max(len(rows), 1)
    return Glyph(_areas(_rect(0, 2 + i * step, 40, max(step - 1, 1), colour) for i, colour in enumerate(rows)))


def draw_columns(colours: Sequence[str]) -> Glyph:
    """The chosen bands, in channel order from left to right."""
    return _columns(tuple(colours[:MOST_DRAWN]))


@functools.lru_cache(maxsize=256)
def _columns(columns: tuple[str, ...]) -> Glyph:
    step = min(68 / max(len(columns), 1), 14)
    return Glyph(_areas(_rect(i * step, 4, max(step - 1.5, 1), 28, colour) for i, colour in enumerate(columns)))


def draw_slabs(colours: Sequence[str]) -> Glyph:
    """A tensor: its channels behind each other, the first one in front."""
    return _slabs(tuple(colours[:MOST_DRAWN]))


@functools.lru_cache(maxsize=256)
def _slabs(slabs: tuple[str, ...]) -> Glyph:
    step = min(40 / max(len(slabs), 1), 7)
    drawn = [_rect(i * step, 12 - i * 10 / max(len(slabs), 1), 22, 22, colour) for i, colour in enumerate(slabs)]
    return Glyph(_areas(reversed(drawn)))


def draw_whiskers(mean: Sequence[float], std: Sequence[float]) -> Glyph:
    """Mean and standard deviation of each channel, on one scale."""
    if any(not abs(value) < _BEYOND for value in (*mean, *std)):
        return NO_GLYPH
    count = min(max(len(mean), len(std)), MOST_DRAWN)
    middles = [mean[i] if i < len(mean) else 0.0 for i in range(count)]
    reaches = [abs(std[i]) if i < len(std) else 0.0 for i in range(count)]
    low = min((m - r for m, r in zip(middles, reaches, strict=True)), default=0.0)
    high = max((m + r for m, r in zip(middles, reaches, strict=True)), default=0.0)
    step = min(64 / max(count, 1), 14)

    def y(value: float) -> str:
        return _number(32 - 28 * (value - low) / (high - low) if high > low else 18)

    lines, dots = [], []
    for i, (middle, reach) in enumerate(zip(middles, reaches, strict=True)):
        x = _number(4 + i * step)
        lines.append(f"M{x} {y(middle - reach)}V{y(middle + reach)}")
        dots.append(f"M{x} {y(middle)}h0")
    return Glyph((), "".join(lines), "".join(dots))


def draw_profile(numbers: Sequence[int]) -> Glyph:
    """The stages of a network, side by side, as high as the root of their numbers. Without numbers: any layers."""
    return _profile(tuple(numbers))


@functools.lru_cache(maxsize=256)
def _profile(numbers: tuple[int, ...]) -> Glyph:
    most = math.sqrt(max(numbers, default=0))
    heights = [max(28 * math.sqrt(max(number, 0)) / most, 2) for number in numbers] if most else _ANY_LAYERS
    step = min(68 / len(heights), 10)
    return Glyph(_areas(_rect(i * step, 18 - h / 2, max(step - 2, 1), h, "") for i, h in enumerate(heights)))


def _rect(x: float, y: float, width: float, height: float, colour: str) -> tuple[str, str]:
    wide, high = _number(width), _number(height)
    return colour, f"M{_number(x)} {_number(y)}h{wide}v{high}h-{wide}z"


def _areas(rects: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The rectangles in their order, neighbours of one colour as one path."""
    groups = itertools.groupby(rects, key=lambda rect: rect[0])
    return tuple((colour, "".join(data for _, data in members)) for colour, members in groups)


@functools.lru_cache(maxsize=4096)  # small figures have corners at the same places; no value is -0.0, which is 0.0
def _number(value: float) -> str:
    return f"{round(value, 1):g}"
