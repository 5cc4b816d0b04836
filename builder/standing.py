"""Stage 6, draw: where a model stands among all others, by the numbers that most models state."""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from builder.catalog import Entry
from builder.model import Model
from builder.templates import format_count, format_filesize, format_number, format_short

MOST_POINTS = 64
"""Values kept of a series: with more, neighbours are counted together, and ranks become approximate."""
FEWEST = 5
"""Models that must state a number before standing among them says anything."""
LABELS = {"parameters": "Parameters", "size": "Size of the weights", "gsd": "GSD"}


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one quantity over all models: each with how many models have it, or nearly it."""

    values: tuple[float, ...]
    counts: tuple[int, ...]
    exact: bool = True

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a card knows of all other models: one Series per quantity. Small, and the same for every card."""

    series: Mapping[str, Series] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """A model's place on one axis: marks of all models as a path in a box of 1000 × 20, its own place in percent, and
    the same in words."""

    key: str
    label: str
    value: str
    words: str
    marks: str
    x: str
    low: str
    high: str


def to_numbers(model: Model) -> dict[str, float]:
    """The numbers of a model by which it is compared: parameters, size of the weights in bytes, GSD in metres."""
    found: dict[str, float] = {}
    parameters = [a.total_nb_parameters for a in model.architecture if a.total_nb_parameters]
    if parameters:
        found["parameters"] = sum(parameters)
    sizes = [a.fields["file:size"] for a in model.offered_assets if a.is_weights and a.fields.get("file:size")]
    if sizes:
        found["size"] = sizes[0]
    if model.gsd:
        found["gsd"] = model.gsd
    return {key: float(value) for key, value in found.items() if 0 < value < 1e18}


def entry_numbers(entry: Entry) -> dict[str, float]:
    """The same of an entry."""
    return to_numbers(entry.model)


def to_statistics(entries: Iterable[Entry]) -> Statistics:
    """The statistics of a library."""
    gathered: dict[str, Counter[float]] = {key: Counter() for key in LABELS}
    for entry in entries:
        for key, value in entry.recall(entry_numbers).items():
            gathered[key][value] += 1
    return Statistics({key: _series(counter) for key, counter in gathered.items() if counter})


def _series(counter: Counter[float]) -> Series:
    pairs = sorted(counter.items())
    if len(pairs) > MOST_POINTS:
        values = list(counter.elements())
        values.sort()
        edges = [round(i * len(values) / MOST_POINTS) for i in range(MOST_POINTS + 1)]
        pairs = [(values[(a + b) // 2], b - a) for a, b in itertools.pairwise(edges) if b > a]
        return Series(tuple(v for v, _ in pairs), tuple(n for _, n in pairs), exact=False)
    return Series(tuple(value for value, _ in pairs), tuple(count for _, count in pairs))


def to_standings(model: Model, statistics: Statistics) -> tuple[Standing, ...]:
    """The places of a model, for each number that it and enough others state."""
    numbers = to_numbers(model)
    return tuple(
        _standing(key, numbers[key], statistics.series[key])
        for key in LABELS
        if key in numbers and key in statistics.series and statistics.series[key].total >= FEWEST
    )


def _standing(key: str, value: float, series: Series) -> Standing:
    low, high = min(series.values[0], value), max(series.values[-1], value)
    return Standing(
        key=key,
        label=LABELS[key],
        value=_format(key, value),
        words=_words(key, value, series),
        marks=_marks(series, low, high),
        x=f"{_place(value, low, high) / 10:.1f}%",
        low=_format(key, low),
        high=_format(key, high),
    )


def _place(number: float, low: float, high: float) -> float:
    """In thousandths, logarithmic, with room for a mark at both ends."""
    return 10 + 980 * (math.log(number / low) / math.log(high / low) if high > low else 0.5)


@functools.lru_cache(maxsize=8)  # they are the same on nearly every card, and one of 64 marks takes as long as a table
def _marks(series: Series, low: float, high: float) -> str:
    most = math.sqrt(max(series.counts))
    return "".join(
        f"M{_place(number, low, high):.0f} 20v-{max(round(18 * math.sqrt(count) / most), 3)}"
        for number, count in zip(series.values, series.counts, strict=True)
    )


def _words(key: str, value: float, series: Series) -> str:
    below = sum(series.counts[: bisect.bisect_left(series.values, value)])
    here = sum(series.counts[: bisect.bisect_right(series.values, value)]) - below
    above = series.total - below - here
    about = "" if series.exact else "about "
    more, less = ("coarser", "finer") if key == "gsd" else ("larger", "smaller")
    said = [f"{more} than {about}{format_count(below)}"] if below else []
    if here > 1 and series.exact:
        said.append(f"the same as {format_count(here - 1)} other{'s' if here > 2 else ''}")
    said += [f"{less} than {about}{format_count(above)}"] if above else []
    return f"{', '.join(said)} of {format_count(series.total)} models that state it"


def _format(key: str, value: float) -> str:
    if key == "gsd":
        return f"{format_number(value)} m"
    return format_filesize(value) if key == "size" else format_short(value)
