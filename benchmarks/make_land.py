"""The world outline behind the footprints, `site_templates/static/land.svg`, made from `land-110m.json`.

    python benchmarks/make_land.py land-110m.json > site_templates/static/land.svg

The input is Natural Earth's 1:110m land (public domain) as TopoJSON, as the npm package `world-atlas` carries it.
Plate carrée: x is the longitude from 180° W, y the latitude from 90° N, both in quarters of a degree.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

UNITS = 4
"""Units of the drawing per degree. At 480 pixels the whole world has 1.3 pixels per degree."""
TOLERANCE = 0.6
"""Points nearer than this (units) to the line between their neighbours are left out."""
WIDTH, HEIGHT = 360 * UNITS, 180 * UNITS
Point = tuple[float, float]


def main(path: str) -> None:
    topology = json.loads(Path(path).read_text())
    drawn = "".join(
        to_path([(x + shift * UNITS, y) for x, y in ring])
        for ring in to_rings(topology)
        for shift in (-360, 0, 360)
        if any(0 <= x + shift * UNITS <= WIDTH for x, _ in ring)
    )
    # One grey that stands out on white and on black: an image does not see the colours of the page around it.
    sys.stdout.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<path fill="#808080" fill-opacity=".5" d="{drawn}"/></svg>\n'
    )


def to_rings(topology: dict[str, Any]) -> Iterator[list[Point]]:
    """Every ring in units of the drawing, simplified."""
    (kx, ky), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * kx + tx, y * ky + ty))
        arcs.append(points)
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"]:
            for indices in polygon:
                ring: list[Point] = []
                for index in indices:
                    points = arcs[index] if index >= 0 else arcs[~index][::-1]
                    ring += points[1:] if ring else points
                units = [((x + 180) * UNITS, (90 - y) * UNITS) for x, y in close(ring)]
                if len(simple := simplify(units)) > 3:
                    yield simple


def close(ring: list[Point]) -> list[Point]:
    """The ring without jumps at the antimeridian; one that goes around the world is closed through its pole."""
    unwrapped = [ring[0]]
    for x, y in ring[1:]:
        before = unwrapped[-1][0]
        unwrapped.append((x + 360 * round((before - x) / 360), y))
    first, last = unwrapped[0], unwrapped[-1]
    if abs(last[0] - first[0]) > 180:
        pole = math.copysign(90, first[1])
        unwrapped += [(last[0], pole), (first[0], pole)]
    return unwrapped


def simplify(points: list[Point]) -> list[Point]:
    """Douglas and Peucker's line."""
    if len(points) < 3:
        return points
    (x1, y1), (x2, y2) = points[0], points[-1]
    length = math.hypot(x2 - x1, y2 - y1)

    def distance(point: Point) -> float:
        x, y = point
        return abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length if length else math.hypot(x - x1, y - y1)

    far = max(range(1, len(points) - 1), key=lambda i: distance(points[i]))
    if distance(points[far]) < TOLERANCE:
        return [points[0], points[-1]]
    return simplify(points[: far + 1])[:-1] + simplify(points[far:])


def to_path(ring: list[Point]) -> str:
    """A closed path in whole units: the first point, then steps."""
    whole = [(round(x), round(y)) for x, y in ring]
    steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in itertools.pairwise(whole)]
    text = f"M{whole[0][0]},{whole[0][1]}l"
    for step in steps:
        if step == (0, 0):
            continue
        for number in step:
            text += f"{'' if number < 0 or text.endswith('l') else ' '}{number}"
    return text + "z"


if __name__ == "__main__":
    main(*sys.argv[1:])
