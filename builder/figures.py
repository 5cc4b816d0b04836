"""Stage 6, draw: the geometry of the figures on a card, as numbers that the templates put into SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass

from builder.model import Band, UsefulBand

SHORTEST, LONGEST = 0.38, 2.5
"""Ends of the spectrum strip, in micrometres."""
TICKS = (0.4, 0.5, 0.7, 1.0, 1.6, 2.2)
NARROWEST = 0.5
"""Least width of a bar, in percent of the strip, so that it can be seen."""
_LANE_WIDTH = 4.5
"""Width that a channel's number takes, in percent of the narrowest strip, with its digits 11 pixels high."""
LANE_HEIGHT, BAR_HEIGHT, AXIS_HEIGHT = 13, 30, 18

# Stops of the visible spectrum and beyond, chosen to stand out on white and on black alike.
_COLOURS = (
    (0.38, (124, 77, 200)), (0.45, (64, 98, 214)), (0.49, (38, 128, 204)), (0.53, (32, 142, 98)),
    (0.57, (96, 138, 24)), (0.59, (176, 120, 0)), (0.62, (206, 92, 22)), (0.67, (204, 54, 54)),
    (0.75, (166, 50, 86)), (0.90, (138, 74, 120)), (1.40, (122, 98, 128)), (2.50, (120, 112, 120)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """A band on the strip: left edge and width in percent; `lane` is the row of its number, from the bars upwards."""

    x: str
    width: str
    centre: str
    colour: str
    label: str
    title: str
    lane: int


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The model's bands, and the sensor's other ones, along a logarithmic axis of wavelength. Heights in pixels."""

    id: str
    bars: tuple[Bar, ...]
    others: tuple[Bar, ...]
    ticks: tuple[tuple[str, str], ...]
    outside: tuple[str, ...]
    top: int
    height: int


def to_spectrum(
    bands: tuple[Band | UsefulBand, ...], others: tuple[Band | UsefulBand, ...], name: str
) -> Spectrum | None:
    """The strip of an input's bands in channel order; None when no wavelength on it is stated."""
    bars: list[Bar] = []
    outside: list[str] = []
    ends: list[float] = []
    placed = sorted(
        (band.center_wavelength, channel, band)
        for channel, band in enumerate(bands)
        if band.center_wavelength is not None
    )
    for wavelength, channel, band in placed:
        title = f"channel {channel}: {_title(band)}"
        if not SHORTEST <= wavelength <= LONGEST:
            outside.append(title)
            continue
        centre = _place(wavelength)
        lane = next((i for i, end in enumerate(ends) if end <= centre), len(ends))
        ends[lane : lane + 1] = [centre + _LANE_WIDTH]
        bars.append(_bar(band, wavelength, str(channel), title, lane))
    rest = tuple(
        _bar(band, band.center_wavelength, "", _title(band), 0)
        for band in others
        if band.center_wavelength is not None and SHORTEST <= band.center_wavelength <= LONGEST
    )
    if not bars:
        return None
    ticks = tuple((_percent(_place(tick)), f"{tick * 1000:.0f}") for tick in TICKS)
    top = len(ends) * LANE_HEIGHT + 2
    return Spectrum(name, tuple(bars), rest, ticks, tuple(outside), top, top + BAR_HEIGHT + AXIS_HEIGHT)


def _bar(band: Band | UsefulBand, wavelength: float, label: str, title: str, lane: int) -> Bar:
    half = (band.full_width_half_max or 0.0) / 2
    left = _place(max(wavelength - half, SHORTEST))
    right = _place(min(wavelength + half, LONGEST))
    if right - left < NARROWEST:
        left, right = (left + right - NARROWEST) / 2, (left + right + NARROWEST) / 2
    return Bar(
        _percent(left), _percent(right - left), _percent(_place(wavelength)), colour_of(wavelength), label, title, lane
    )


def _title(band: Band | UsefulBand) -> str:
    name = band.name or band.common_name or "unnamed"
    width = f", {_nanometres(band.full_width_half_max)} wide" if band.full_width_half_max else ""
    return f"{name}, {_nanometres(band.center_wavelength or 0.0)}{width}"


def _nanometres(micrometres: float) -> str:
    return f"{float(f'{micrometres * 1000:.4g}'):g} nm"


def _place(wavelength: float) -> float:
    """Where a wavelength stands, in percent: logarithmic, or half of all bands would share a fifth of the strip."""
    return 100 * math.log(wavelength / SHORTEST) / math.log(LONGEST / SHORTEST)


def _percent(value: float) -> str:
    return f"{value:.2f}%"


def colour_of(wavelength: float) -> str:
    """A colour that suggests the wavelength (micrometres), as #rrggbb."""
    below = max((stop for stop in _COLOURS if stop[0] <= wavelength), default=_COLOURS[0])
    above = min((stop for stop in _COLOURS if stop[0] >= wavelength), default=_COLOURS[-1])
    share = 0.0 if above[0] == below[0] else (wavelength - below[0]) / (above[0] - below[0])
    mixed = [round(a + (b - a) * share) for a, b in zip(below[1], above[1], strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)
