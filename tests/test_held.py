"""What a site holds: every file is what its manifest says, or it is told what it is."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from builder import held
from builder.held import MANIFEST, Held, States, find_held, parse_manifest
from builder.output import Artifact, OutputError, Published, Stage, Unchanged, publish

LONG_AGO = 1_000_000_000
LATER = 2**62


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    made = tmp_path / "site"
    publish([Artifact("a.json", b"a"), Artifact("c/m/x.json", b"x"), Artifact("c/m/y.json", b"y")], made)
    for path in made.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return made


def known(site: Path) -> States:
    return replace(find_held(site).states, settled=LATER)


def test_files_whose_size_and_time_are_known_are_not_read(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = known(site)
    monkeypatch.setattr(held, "sha256_of", lambda path: pytest.fail(f"{path} is read"))
    found = find_held(site, before)
    assert not found.read
    assert not found.touched
    assert [*found.paths] == ["a.json", "c/m/x.json", "c/m/y.json", MANIFEST]
    assert found.get("c/m/x.json") == digest("x")
    assert found.get("other") is None


def test_a_time_that_is_too_young_tells_nothing(site: Path) -> None:
    young = replace(known(site), settled=LONG_AGO)
    (site / "a.json").write_text("b")
    os.utime(site / "a.json", (LONG_AGO, LONG_AGO))
    found = find_held(site, young)
    assert found.read
    assert found.touched == {"a.json": digest("b")}


def test_what_was_changed_or_removed_is_told(site: Path) -> None:
    before = known(site)
    (site / "a.json").write_text("longer")
    (site / "c/m/x.json").unlink()
    (site / "c/m/y.json").unlink()
    (site / "c/m/y.json").mkdir()
    found = find_held(site, before)
    assert found.touched == {"a.json": digest("longer"), "c/m/x.json": None, "c/m/y.json": None}
    assert [*found.paths] == ["a.json", MANIFEST]


def test_a_file_with_another_time_and_the_same_content_is_what_it_was(site: Path) -> None:
    before = known(site)
    os.utime(site / "a.json", (LONG_AGO + 1, LONG_AGO + 1))
    found = find_held(site, before)
    assert found.read
    assert not found.touched
    assert not find_held(site, replace(found.states, settled=LATER)).read


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": []}', '{"other": 1}'])
def test_without_a_manifest_nothing_is_held(site: Path, content: str) -> None:
    (site / MANIFEST).write_text(content)
    assert find_held(site, known(site)) == Held()
    with pytest.raises(OutputError, match="is not empty"):
        Stage(site, find_held(site))


def test_states_of_another_manifest_are_not_used(site: Path) -> None:
    other = replace(known(site), digest="0" * 64)
    assert find_held(site, other).read


LEADING_OUT = ["/etc/passwd", "../a", "c/../../a", MANIFEST, "\\u002fetc/a", "\\u002e\\u002e/a", "manifest\\u002ejson"]


@pytest.mark.parametrize("path", LEADING_OUT)
def test_paths_of_an_edited_manifest_stay_inside(path: str) -> None:
    assert parse_manifest(f'{{"files": {{"{path}": "d", "a..b/c": "e"}}}}'.encode()) == {"a..b/c": "e"}


def test_digests_of_an_edited_manifest_are_text() -> None:
    assert parse_manifest(json.dumps({"files": {"a": 1, "b": "d"}}).encode()) == {"a": "1", "b": "d"}


def publish_again(site: Path, *artifacts: Artifact | Unchanged) -> Published:
    with Stage(site, find_held(site, known(site))) as stage:
        return stage.publish(artifacts)


def test_states_after_a_build_are_those_of_the_site(site: Path) -> None:
    stays = {"c/m/x.json": digest("x"), "c/m/y.json": digest("y")}
    made = publish_again(site, Artifact("a.json", b"new"), Artifact("b.json", b"b"), Unchanged(stays))
    assert made.written == ("a.json", "b.json", MANIFEST)
    assert made.unchanged == ("c/m/x.json", "c/m/y.json")
    assert made.states == find_held(site).states
    assert json.loads((site / MANIFEST).read_bytes())["files"] == {
        "a.json": digest("new"), "b.json": digest("b"), **stays,
    }  # fmt: skip


def test_files_that_stay_are_wanted_only_once(site: Path) -> None:
    stays = Unchanged({"c/m/x.json": digest("x")})
    for other in (Artifact("C/M/X.json", b"x"), stays, Unchanged({"c/M/x.json": digest("x")})):
        with pytest.raises(OutputError, match="two files want"):
            publish_again(site, other, stays)
    with pytest.raises(OutputError, match="is wanted as a file and"):
        publish_again(site, Artifact("c/m", b"x"), stays)


def test_a_manifest_that_another_build_wrote_meanwhile_is_read_again(site: Path) -> None:
    found = find_held(site, known(site))
    publish([Artifact("a.json", b"a"), Artifact("new.json", b"n")], site)
    assert not found.is_current(site)
    with Stage(site, found) as stage:
        assert "new.json" in stage.publish([Artifact("a.json", b"a")]).removed
    assert not (site / "new.json").exists()
