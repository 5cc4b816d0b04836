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
from builder.templates import format_filesize, format_number, format_short
from builder.words import format_whole, say, say_count

MOST_POINTS = 64
"""Values kept of a series: with more, neighbours are counted together, and ranks become approximate."""
FEWEST = 5
"""Models that must state a number before standing among them says anything."""
LARGE = 1000
"""Models from which ranks are rounded to about a hundredth, so that one more model changes few cards of others."""
KEYS = ("parameters", "size", "gsd")


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one quantity over all models: each with how many models have it, or nearly it."""

    values: tuple[float, ...]
    counts: tuple[int, ...]
    exact: bool = True

    @property
    def total(self) -> int:
        """How many models state the quantity."""
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
    gathered: dict[str, Counter[float]] = {key: Counter() for key in KEYS}
    for entry in entries:
        for key, value in entry.recall(entry_numbers).items():
            gathered[key][value] += 1
    return Statistics({key: to_series(counter) for key, counter in gathered.items() if counter})


def to_series(counter: Counter[float]) -> Series:
    """The series of values, each with how many models have it."""
    pairs = sorted(counter.items())
    if counter.total() >= LARGE:
        return _merged(pairs)
    if len(pairs) > MOST_POINTS:
        values = list(counter.elements())
        values.sort()
        edges = [round(i * len(values) / MOST_POINTS) for i in range(MOST_POINTS + 1)]
        pairs = [(values[(a + b) // 2], b - a) for a, b in itertools.pairwise(edges) if b > a]
        return Series(tuple(v for v, _ in pairs), tuple(n for _, n in pairs), exact=False)
    return Series(tuple(value for value, _ in pairs), tuple(count for _, count in pairs))


def _merged(pairs: list[tuple[float, int]]) -> Series:
    """The series of many models, with values that do not depend on each other: the middles of steps that divide a
    power of ten, but for the smallest and the largest."""
    low, high = pairs[0][0], pairs[-1][0]
    merged = Counter(dict(pairs))
    steps = 256
    while len(merged) > MOST_POINTS:
        merged = Counter()
        for value, count in pairs:
            middle = 10 ** ((math.floor(math.log10(value) * steps) + 0.5) / steps)
            merged[float(f"{middle:.4g}")] += count
        steps //= 2
    ordered = sorted(merged)
    values = list(ordered)
    # Of one value the last counts: it is both.
    values[0], values[-1] = low, high
    return Series(tuple(values), tuple(merged[value] for value in ordered), exact=False)


def to_standings(model: Model, statistics: Statistics) -> tuple[Standing, ...]:
    """The places of a model, for each number that it and enough others state."""
    numbers = to_numbers(model)
    return tuple(
        _standing(key, numbers[key], statistics.series[key], *place) for key, *place in to_places(numbers, statistics)
    )


def to_places(numbers: Mapping[str, float], statistics: Statistics) -> tuple[tuple[str, int, int], ...]:
    """Where numbers stand in their series: how many of its values are smaller, and how many are not larger."""
    return tuple(
        (key, bisect.bisect_left(series.values, numbers[key]), bisect.bisect_right(series.values, numbers[key]))
        for key in KEYS
        if key in numbers and (series := statistics.series.get(key)) is not None and series.total >= FEWEST
    )


def shown_at(places: tuple[tuple[str, int, int], ...], statistics: Statistics) -> list[tuple[str, ...]]:
    """What the cards of all models at these places show of the others."""
    found: list[tuple[str, ...]] = []
    for key, below, upto in places:
        series = statistics.series[key]
        low, high = series.values[0], series.values[-1]
        found.append((key, _words(key, series, below, upto), _marks(series, low, high), str(low), str(high)))
    return found


def _standing(key: str, value: float, series: Series, below: int, upto: int) -> Standing:
    low, high = min(series.values[0], value), max(series.values[-1], value)
    return Standing(
        key=key,
        label={"parameters": say("Parameters"), "size": say("Size of the weights"), "gsd": say("GSD")}[key],
        value=_format(key, value),
        words=_words(key, series, below, upto),
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


def _words(key: str, series: Series, below: int, upto: int) -> str:
    total = series.total
    step = 10 ** math.floor(math.log10(total)) // 100 if total >= LARGE else 1

    def count(number: int) -> str:
        return format_whole(round(number / step) * step)

    smaller, here, larger = sum(series.counts[:below]), sum(series.counts[below:upto]), sum(series.counts[upto:])

    def nearly(number: int) -> str:
        return count(number) if series.exact else say("about {0}", count(number))

    more, less = (
        (say("coarser than {0}"), say("finer than {0}"))
        if key == "gsd"
        else (say("larger than {0}"), say("smaller than {0}"))
    )
    said = [more.format(nearly(smaller))] if smaller else []
    if here > 1 and series.exact:
        said.append(say_count("the same as {0} other", "the same as {0} others", round((here - 1) / step) * step))
    said += [less.format(nearly(larger))] if larger else []
    if step > 1:
        return say("{0} of about {1} models that state it", ", ".join(said), count(total))
    return say("{0} of {1} models that state it", ", ".join(said), count(total))


def _format(key: str, value: float) -> str:
    if key == "gsd":
        return f"{format_number(value)} m"
    return format_filesize(value) if key == "size" else format_short(value)
