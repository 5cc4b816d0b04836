"""The place of a model among all others."""

from __future__ import annotations

import itertools
import pickle
import random
import re
from collections import Counter
from typing import Any

import pytest
from cards import BARE, to_entry

from builder.model import to_model
from builder.standing import (
    FEWEST,
    MOST_POINTS,
    Statistics,
    shown_at,
    to_numbers,
    to_places,
    to_series,
    to_standings,
    to_statistics,
)


def model(parameters: int | None = None, gsd: float | None = None, size: int | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {**BARE, "dlm:architecture": {"type": "CNN", "total_nb_parameters": parameters}}
    if size is not None:
        data["assets"] = {"w": {"href": "https://example.com/w", "roles": ["weights"], "file:size": size}}
    return data if gsd is None else {**data, "gsd": gsd}


def statistics(*models: dict[str, Any]) -> Statistics:
    return to_statistics(to_entry(data) for data in models)


def test_place_is_said_in_words() -> None:
    found = statistics(*(model(n * 1_000_000, 10) for n in (1, 2, 3, 3, 4, 5)))
    by_key = {place.key: place for place in to_standings(to_model(model(3_000_000, 10)), found)}
    assert by_key["parameters"].words == (
        "larger than 2, the same as 1 other, smaller than 2 of 6 models that state it"
    )
    assert by_key["parameters"].value == "3 M"
    assert (by_key["parameters"].low, by_key["parameters"].high) == ("1 M", "5 M")
    assert by_key["gsd"].words == "the same as 5 others of 6 models that state it"
    assert "size" not in by_key


def test_gsd_is_finer_or_coarser() -> None:
    found = statistics(*(model(gsd=g) for g in (0.5, 10, 20, 30, 60)))
    (place,) = to_standings(to_model(model(gsd=20)), found)
    assert place.words == "coarser than 2, finer than 2 of 5 models that state it"


def test_few_models_say_nothing() -> None:
    found = statistics(*(model(n + 1) for n in range(FEWEST - 1)))
    assert to_standings(to_model(model(1)), found) == ()
    assert to_standings(to_model(model(1)), Statistics()) == ()
    assert to_standings(to_model(BARE), statistics(*(model(n + 1) for n in range(9)))) == ()


def test_statistics_stay_small() -> None:
    found = statistics(*(model(1000 + n, gsd=1 + n / 10, size=7 * n + 1) for n in range(999)))
    assert all(len(series.values) <= MOST_POINTS for series in found.series.values())
    assert all(series.total == 999 for series in found.series.values())
    found = statistics(*(model(1000 + n, gsd=1 + n / 10, size=7 * n + 1) for n in range(2002)))
    assert all(len(series.values) <= MOST_POINTS for series in found.series.values())
    assert all(series.total == 2002 for series in found.series.values())
    assert len(pickle.dumps(found)) < 6000
    place = to_standings(to_model(model(2000)), found)[0]
    assert place.words.endswith(" of about 2,000 models that state it")
    found_words = re.match(r"larger than about ([\d,]+),", place.words)
    assert found_words
    assert abs(int(found_words[1].replace(",", "")) - 1000) < 2000 / MOST_POINTS * 2


def test_absurd_numbers_have_no_place() -> None:
    found = statistics(*(model(n + 1) for n in range(9)))
    assert to_standings(to_model(model(10**400)), found) == ()
    assert to_standings(to_model(model(0, gsd=float("inf"))), found) == ()


def test_one_model_more_seldom_changes_what_others_show() -> None:
    """Each of a hundred models joins ten thousand: what those show that were there, mostly stays."""
    chosen = random.Random(3)  # noqa: S311  the same numbers each time
    numbers = [float(round(10 ** chosen.gauss(7, 0.6))) for _ in range(10_100)]
    resolutions = [chosen.choice((10.0, 20.0, 30.0)) for _ in numbers]
    watched = [{"parameters": p, "gsd": r} for p, r in zip(numbers[:50], resolutions, strict=False)]
    shown = []
    for n in range(10_000, 10_100):
        series = {"parameters": to_series(Counter(numbers[:n])), "gsd": to_series(Counter(resolutions[:n]))}
        found = Statistics(series)
        shown.append([shown_at(to_places(one, found), found) for one in watched])
    changed = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in itertools.pairwise(shown)]
    assert 0 < sum(changed) < 0.1 * len(changed) * len(watched)


@pytest.mark.parametrize("values", [[10.0], [10.0, 20.0], [7.0 + n / 1e9 for n in range(2000)]])
def test_many_models_of_few_values_have_a_series(values: list[float]) -> None:
    """Also those that are so near to each other that they fall into one step."""
    series = to_series(Counter(values * (2000 // len(values))))
    assert (series.values[0], series.values[-1]) in ((values[0], values[-1]), (values[-1], values[-1]))
    assert len(series.values) == len(series.counts) <= MOST_POINTS
    found = Statistics({"gsd": series})
    for value in values[:50]:
        assert shown_at(to_places({"gsd": value}, found), found)


def test_models_at_the_same_places_show_the_same_of_others() -> None:
    chosen = random.Random(4)  # noqa: S311  the same numbers each time
    models = [model(round(10 ** chosen.gauss(7, 0.6)), gsd=chosen.choice((10, 20, 30))) for _ in range(1200)]
    found = statistics(*models)
    seen: dict[object, object] = {}
    for data in models:
        places = to_places(to_numbers(to_model(data)), found)
        shown = [(s.key, s.words, s.marks, s.low, s.high) for s in to_standings(to_model(data), found)]
        assert seen.setdefault(places, shown) == shown
        assert [told[:3] for told in shown_at(places, found)] == [told[:3] for told in shown]
    assert len(seen) < len(models) / 4
