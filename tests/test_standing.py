"""The place of a model among all others."""

from __future__ import annotations

import pickle
import re
from typing import Any

from cards import BARE, to_entry

from builder.model import to_model
from builder.standing import FEWEST, MOST_POINTS, Statistics, to_standings, to_statistics


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
    found = statistics(*(model(1000 + n, gsd=1 + n / 10, size=7 * n + 1) for n in range(2000)))
    assert all(len(series.values) <= MOST_POINTS for series in found.series.values())
    assert all(series.total == 2000 for series in found.series.values())
    assert len(pickle.dumps(found)) < 6000
    place = to_standings(to_model(model(2000)), found)[0]
    assert place.words.startswith("larger than about ")
    found_words = re.match(r"larger than about ([\d,]+),", place.words)
    assert found_words
    assert abs(int(found_words[1].replace(",", "")) - 1000) < 2000 / MOST_POINTS * 2


def test_absurd_numbers_have_no_place() -> None:
    found = statistics(*(model(n + 1) for n in range(9)))
    assert to_standings(to_model(model(10**400)), found) == ()
    assert to_standings(to_model(model(0, gsd=float("inf"))), found) == ()
