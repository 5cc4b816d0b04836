"""The cache: values and their details, what is removed, and nothing that breaks a build."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder import cache
from builder.cache import Cache, open_cache, to_detail


@contextmanager
def opened(folder: Path) -> Iterator[Cache]:
    with open_cache(folder) as made:
        assert made is not None
        yield made


def put(made: Cache, *keys: str) -> None:
    made.put_all((key, {"of": key}, {"long": to_detail([key] * 100), "other": to_detail(1)}) for key in keys)


def overfill(folder: Path) -> None:
    with opened(folder) as made:
        put_large(made, "old", 20)


def put_large(made: Cache, name: str, number: int) -> None:
    made.put_all((f"{name} {n}", n, {"long": to_detail("x" * 40_000)}) for n in range(number))


def test_details_are_got_one_by_one(tmp_path: Path) -> None:
    with opened(tmp_path) as made:
        put(made, "a", "b")
    with opened(tmp_path) as made:
        assert made.get(["a", "b", "c"]) == {"a": {"of": "a"}, "b": {"of": "b"}}
        assert made.find(["a", "c"]) == {"a"}
        assert made.get_detail("a", "long") == ["a"] * 100
        assert made.get_detail("a", "third") is None
        assert made.get_detail("c", "long") is None
    assert made.get_detail("a", "long") is None  # closed
    assert made.find(["a"]) == set()


def test_a_damaged_detail_is_none(tmp_path: Path) -> None:
    with opened(tmp_path) as made:
        put(made, "a")
    database = sqlite3.connect(tmp_path / "values.sqlite")
    database.execute("UPDATE detail SET value = CAST(substr(value, 1, 10) AS BLOB) WHERE name = 'long'")
    database.commit()
    database.close()
    with opened(tmp_path) as made:
        assert made.get_detail("a", "long") is None
        assert made.get_detail("a", "other") == 1


def test_details_go_with_their_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BUILDS", 2)
    monkeypatch.setattr(cache, "_SOON", 0)
    with opened(tmp_path) as made:
        put(made, "a", "b", "c")
    for _ in range(3):
        with opened(tmp_path) as made:
            assert made.get(["b"])
            assert made.find(["c"])
            made.put({})
            made.prune()
    with opened(tmp_path) as made:
        assert made.find(["a", "b", "c"]) == {"b", "c"}
        assert made.get_detail("a", "long") is None
        assert made.get_detail("b", "long") == ["b"] * 100


def test_too_much_is_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 800_000)
    overfill(tmp_path)
    with opened(tmp_path) as made:
        put_large(made, "new", 10)
        made.prune()
        assert len(made.find(f"new {n}" for n in range(10))) == 10
        assert not made.find(f"old {n}" for n in range(10))
    assert (tmp_path / "values.sqlite").stat().st_size < 1_000_000


def test_what_a_build_uses_stays_however_much_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 200_000)
    overfill(tmp_path)
    with opened(tmp_path) as made:
        put_large(made, "new", 10)
        assert made.get(["old 3"])
        assert made.find(["old 4"])
        made.prune()
    with opened(tmp_path) as made:
        assert made.find(f"old {n}" for n in range(20)) == {"old 3", "old 4"}
        assert len(made.find(f"new {n}" for n in range(10))) == 10
