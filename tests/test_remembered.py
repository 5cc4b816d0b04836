"""Entries that are packed: everything is as if they were not."""

from __future__ import annotations

import pickle
from dataclasses import asdict, is_dataclass

import orjson
import pytest
from shared import ROOT

from builder import pipeline
from builder.catalog import Entry, to_published
from builder.pipeline import Build, Settings
from builder.remembered import KEPT, Remembered, name_of, pack, remember
from builder.spool import Spool

GOLDEN = ROOT / "tests" / "golden" / "source"


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setattr(pipeline, "FEW", 0)
    return pipeline.build(Settings(GOLDEN))


def test_a_catalog_of_packed_entries_is_the_same(packed: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    plain = pipeline.build(Settings(GOLDEN))
    assert packed.library is not None
    assert plain.library is not None
    assert all(isinstance(entry, Remembered) for entry in packed.library.entries)
    assert packed.artifacts == plain.artifacts
    assert packed.diagnostics == plain.diagnostics
    for one, other in zip(packed.library.entries, plain.library.entries, strict=True):
        assert not isinstance(other, Remembered)
        for name in ("model", "item", "source", "text", "files", "folder", "href"):
            assert getattr(one, name) == getattr(other, name), name
        assert pickle.loads(pickle.dumps(one)) == other  # noqa: S301  made here


def test_answers_come_from_memory_and_others_from_the_model(real_build: Build) -> None:
    assert real_build.library is not None
    for entry in real_build.library.entries:
        kept = pack(entry, Spool(None))
        without = Remembered(kept.source, kept.answers, pytest.fail, kept.digests)
        for function in KEPT:
            # From memory it comes by way of JSON, see below; as another one of its class.
            answer = without.recall(function)
            assert type(answer) is type(function(entry)) or isinstance(answer, list)
            assert orjson.dumps(answer) == orjson.dumps(function(entry)) == orjson.dumps(entry.recall(function))
            assert without.digest(function) == entry.digest(function) == kept.digests[name_of(function)]
        assert remember(kept, pytest.fail).recall(_title) == entry.model.title


def test_a_forgotten_answer_is_worked_out_again(real_build: Build) -> None:
    assert real_build.library is not None
    entry = real_build.library.entries[0]
    kept = remember(pack(entry, Spool(None)), pytest.fail)
    kept.forget(to_published)
    assert name_of(to_published) not in kept.answers
    assert kept.recall(to_published) == to_published(entry)


def _title(entry: Entry) -> str | None:
    return entry.model.title


def test_answers_are_plain_enough_for_json(real_build: Build) -> None:
    """What is kept must read back as the same from JSON, but for tuples, which become lists."""
    assert real_build.library is not None
    for entry in real_build.library.entries:
        for function, form in KEPT.items():
            answer = function(entry)
            assert is_dataclass(answer) == (form is not None), name_of(function)
            plain = asdict(answer) if form else answer
            again = orjson.loads(orjson.dumps(answer))
            assert again == _listed(plain), name_of(function)
            if form:
                assert orjson.dumps(form(**again)) == orjson.dumps(answer)


def _listed(data: object) -> object:
    if isinstance(data, dict):
        return {key: _listed(value) for key, value in data.items()}
    return [_listed(value) for value in data] if isinstance(data, list | tuple) else data
