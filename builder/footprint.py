"""Stage 6, draw: where a model holds, on the outline of the world (plate carrée, one unit to a degree)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.templates import format_number
from builder.words import say

TINY = 8.0
"""An extent smaller than this (degrees) in both directions is circled, or nobody finds it."""
RADIUS = 7
"""Of the circle, in degrees."""
MOST_POINTS = 400
"""Corners of a geometry that are drawn; of one with more, its box is."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What is drawn over a map 360 × 180: boxes as (x, y, width, height), outlines, and the centres of circles."""

    words: str
    boxes: tuple[tuple[str, str, str, str], ...]
    outline: str = ""
    circles: tuple[tuple[str, str], ...] = ()
    whole: bool = False


def to_footprint(bbox: Sequence[float], geometry: Mapping[str, Any] | None = None) -> Footprint | None:
    """The footprint of a STAC bounding box, and of the outlines of its geometry where they are few; None for a box
    that is none. West is greater than east in a box across the antimeridian, as RFC 7946 has it."""
    west, south, east, north = [*bbox[:2], *bbox[3:5]] if len(bbox) == 6 else bbox[:4]
    if not (all(abs(value) <= 360 for value in (west, south, east, north)) and south <= north):
        return None
    width = east - west + (360 if west > east else 0)
    whole = width >= 359.9 and north - south >= 170
    spans = [(west, 180.0), (-180.0, east)] if west > east else [(west, east)]
    boxes = tuple((_x(a), _y(north), _n(b - a), _n(north - south)) for a, b in spans if b > a or a == b)
    tiny = width < TINY and north - south < TINY
    middle = west + width / 2
    # One that lies at the edge of the map is seen at the other edge too.
    places = [x for x in (middle - 360, middle, middle + 360) if -180 - RADIUS < x < 180 + RADIUS]
    circles = tuple((_x(x), _y((south + north) / 2)) for x in places) if tiny else ()
    outline = "" if whole else "".join(_outlines(geometry))
    return Footprint(_words(west, south, east, north, whole), boxes, outline, circles, whole)


def _outlines(geometry: Mapping[str, Any] | None) -> Iterator[str]:
    """The outer rings as path data; nothing where they are too many points, or no polygons."""
    kind, found = (geometry or {}).get("type"), (geometry or {}).get("coordinates")
    polygons = [found] if kind == "Polygon" else found if kind == "MultiPolygon" else []
    rings = [polygon[0] for polygon in polygons or () if polygon]
    if sum(map(len, rings)) > MOST_POINTS:
        return
    for ring in rings:
        points = [(point[0], point[1]) for point in ring]
        if len(points) > 2 and max(x for x, _ in points) - min(x for x, _ in points) <= 360:
            yield "M" + "L".join(f"{_x(x)} {_y(y)}" for x, y in points[:-1]) + "Z"


def _words(west: float, south: float, east: float, north: float, whole: bool) -> str:
    if whole:
        return say("The whole world")
    across = say(", across the antimeridian") if west > east else ""
    corners = f"{_degrees(west, say('E'), say('W'))}, {_degrees(south, say('N'), say('S'))}"
    if (west, south) == (east, north):
        return say("A point at {0}", corners)
    other = f"{_degrees(east, say('E'), say('W'))}, {_degrees(north, say('N'), say('S'))}"
    return say("From {0} to {1}", corners, other) + across


def _degrees(value: float, positive: str, negative: str) -> str:
    letter = "" if value == 0 else positive if value > 0 else negative
    return f"{format_number(abs(value))}°{letter and ' ' + letter}"


def _x(longitude: float) -> str:
    return _n(longitude + 180)


def _y(latitude: float) -> str:
    return _n(90 - latitude)


def _n(value: float) -> str:
    return f"{round(value, 2):g}"
