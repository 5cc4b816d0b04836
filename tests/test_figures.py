"""The geometry of the figures: what is where, and that no number breaks them."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.figures import (
    COLDEST,
    LONGEST,
    SHORTEST,
    WARMEST,
    Glyph,
    band_colour,
    colour_of,
    draw_columns,
    draw_hatch,
    draw_profile,
    draw_rows,
    draw_slabs,
    draw_whiskers,
    polarization_of,
    to_radar,
    to_spectrum,
)
from builder.model import Band

NUMBERS = st.one_of(st.none(), st.floats(), st.integers(-100, 100))


def band(name: str, centre: float | None = None, width: float | None = None, common: str | None = None) -> Band:
    return Band((), name, common, None, centre, width)


def percent(text: str) -> float:
    assert text.endswith("%")
    return float(text[:-1])


def test_bars_are_numbered_as_channels_and_lie_by_wavelength() -> None:
    strip = to_spectrum([band("nir", 0.842, 0.1), band("red", 0.665, 0.04)], [band("blue", 0.49)], "i")
    assert strip
    bars = {bar.label: bar for bar in strip.bars}
    assert percent(bars["1"].centre) < percent(bars["0"].centre)
    assert percent(bars["0"].width) > percent(bars["1"].width)
    assert bars["0"].title == "channel 0: nir, 842 nm, 100 nm wide"
    assert [other.title for other in strip.others] == ["blue, 490 nm"]
    assert strip.tracks == (("0%", "100%"),)


def test_thermal_bands_have_a_part_of_their_own() -> None:
    strip = to_spectrum([band("red", 0.66), band("B10", 10.9, 0.6)], [], "i")
    assert strip
    assert len(strip.tracks) == 2
    assert percent(strip.bars[1].x) > percent(strip.tracks[1][0])
    assert strip.outside == ()


def test_what_the_strip_cannot_show_is_said() -> None:
    strip = to_spectrum([band("red", 0.66), band("NDVI"), band("mir", 3.7)], [], "i")
    assert strip
    assert strip.outside == ("channel 1: NDVI", "channel 2: mir, 3700 nm")
    assert to_spectrum([band("VV"), band("x", 5.0)], [], "i") is None


def test_band_inside_a_wider_one_is_drawn_over_it_and_lower() -> None:
    strip = to_spectrum([band("red", 0.655, 0.03), band("pan", 0.59, 0.18)], [], "i")
    assert strip
    assert [(bar.label, bar.top > 0) for bar in strip.bars] == [("1", False), ("0", True)]


def test_common_names_stand_for_ranges() -> None:
    strip = to_spectrum([band("b", common="blue"), band("g", 0.56, 0.04, "green")], [], "i")
    assert strip
    assert strip.loose
    assert [bar.loose for bar in strip.bars if bar.label == "0"] == [True]
    assert "450 nm to 500 nm by its common name" in strip.bars[0].title + strip.bars[1].title


@pytest.mark.parametrize(
    ("name", "kind"), [("VV", "VV"), ("vh", "VH"), ("asc_HH", "HH"), ("S1-HV", "HV"), ("NDVI", ""), ("VVV", "")]
)
def test_polarizations_are_known_by_name(name: str, kind: str) -> None:
    assert polarization_of(band(name)) == kind


def test_radar_channels_are_in_order() -> None:
    strip = to_radar([band("VH"), band("VV"), band("DEM")], [band("HH")], "i", "C band")
    assert strip
    assert [(box.label, box.name, box.transmitted, box.received) for box in strip.boxes] == [
        ("0", "VH", "V", "H"),
        ("1", "VV", "V", "V"),
        ("", "HH", "H", "H"),
    ]
    assert strip.outside == ("channel 2: DEM",)
    assert to_radar([band("red", 0.66)], [], "i", "") is None


def test_hatches_differ() -> None:
    drawn = [draw_hatch(number) for number in range(24)]
    assert len(set(drawn)) == 24
    assert draw_hatch(24) == drawn[0]


def test_small_figures_draw_one_piece_for_each_channel() -> None:
    for draw in (draw_rows, draw_columns, draw_slabs):
        assert "".join(path for _, path in draw(["#ff0000", "", ""]).areas).count("M") == 3
        assert draw([]) == Glyph()
    assert draw_whiskers([1, 2], [0.5, 0.5]).lines.count("M") == 2
    assert draw_whiskers([math.inf], [1]) == draw_whiskers([10**400], [1]) == Glyph()
    assert draw_profile([1, 100]) != draw_profile([]) == draw_profile([0])


@given(st.lists(st.builds(band, st.text(), NUMBERS, NUMBERS, st.sampled_from([None, "red", "lwir", "?"])), max_size=20))
def test_any_bands_can_be_drawn(bands: list[Band]) -> None:
    strip = to_spectrum(bands[::2], bands[1::2], "i")
    for bar in (*strip.bars, *strip.others) if strip else ():
        assert -1 < percent(bar.x) < 101
        assert 0 < percent(bar.width) < 102
        assert re.fullmatch("#[0-9a-f]{6}", bar.colour)
    to_radar(bands, bands, "i", "")
    assert all(re.fullmatch("|#[0-9a-f]{6}", band_colour(b)) for b in bands)


@given(st.lists(st.floats() | st.integers(), max_size=40), st.lists(st.floats() | st.integers(), max_size=40))
def test_any_statistics_can_be_drawn(mean: list[float], std: list[float]) -> None:
    glyph = draw_whiskers(mean, std)
    assert re.fullmatch("[MVh0-9. ]*", glyph.lines + glyph.dots)


@pytest.mark.parametrize("wavelength", [0.01, SHORTEST, 0.55, LONGEST, 5.0, COLDEST, WARMEST, 1000.0])
def test_every_wavelength_has_a_colour(wavelength: float) -> None:
    assert re.fullmatch("#[0-9a-f]{6}", colour_of(wavelength))


def test_numbers_of_many_channels_stay_in_few_rows() -> None:
    strip = to_spectrum([band(f"H{i}", 0.42 + i * 0.009, 0.007) for i in range(224)], [], "s")
    assert strip
    assert len(strip.bars) == 224
    assert strip.top <= 60
    assert 30 < sum(bool(bar.label) for bar in strip.bars) < 120
