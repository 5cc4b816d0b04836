"""Where a model holds, on the map."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.footprint import to_footprint
from builder.templates import read_templates


def test_box_is_drawn_in_degrees_from_the_upper_left_corner() -> None:
    footprint = to_footprint([-10.5, 35, 30.25, 60])
    assert footprint
    assert footprint.boxes == (("169.5", "30", "40.75", "25"),)
    assert footprint.words == "From 10.5° W, 35° N to 30.25° E, 60° N"
    assert not footprint.circles
    assert not footprint.whole


def test_box_across_the_antimeridian_is_two() -> None:
    footprint = to_footprint([170, -20, -150, -10])
    assert footprint
    assert footprint.boxes == (("350", "100", "10", "10"), ("0", "100", "30", "10"))
    assert footprint.words.endswith("across the antimeridian")


def test_tiny_extent_is_circled_also_at_the_edge() -> None:
    footprint = to_footprint([11.4, 48.0, 11.8, 48.3])
    assert footprint
    assert footprint.circles == (("191.6", "41.85"),)
    fiji = to_footprint([176, -20, -178, -15])
    assert fiji
    assert {x for x, _ in fiji.circles} == {"359", "-1"}
    point = to_footprint([0, 0, 0, 0])
    assert point
    assert point.words == "A point at 0°, 0°"
    assert point.circles


def test_whole_world_has_a_frame() -> None:
    footprint = to_footprint([-180, -90, 180, 90])
    assert footprint
    assert footprint.whole
    assert footprint.words == "The whole world"


def test_six_numbers_are_a_box_with_heights() -> None:
    assert to_footprint([1, 2, 0, 3, 4, 99]) == to_footprint([1, 2, 3, 4])


def test_outline_of_a_geometry_is_drawn_where_it_is_simple() -> None:
    ring = [[0, 0], [10, 0], [10, 10], [0, 0]]
    footprint = to_footprint([0, 0, 10, 10], {"type": "Polygon", "coordinates": [ring]})
    assert footprint
    assert footprint.outline == "M180 90L190 90L190 80Z"
    many = {"type": "Polygon", "coordinates": [ring * 200]}
    assert getattr(to_footprint([0, 0, 10, 10], many), "outline", None) == ""


@pytest.mark.parametrize("bbox", [[0, 10, 0, -10], [float("nan")] * 4, [0, 0, float("inf"), 1], [0, 0, 10**400, 1]])
def test_what_is_no_box_is_not_drawn(bbox: list[float]) -> None:
    assert to_footprint(bbox) is None


@given(st.lists(st.floats() | st.integers(), min_size=4, max_size=4) | st.lists(st.floats(), min_size=6, max_size=6))
def test_any_numbers_are_drawn_or_left(bbox: list[float]) -> None:
    to_footprint(bbox)


def test_world_outline_is_small_and_whole() -> None:
    content = read_templates().static["land.svg"]
    assert len(content) < 24_000
    root = ElementTree.fromstring(content)  # noqa: S314  our own bytes
    assert root.attrib["viewBox"] == "0 0 1440 720"
    assert [child.tag.rpartition("}")[2] for child in root] == ["path"]
