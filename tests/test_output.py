"""Publishing: what is written, what is left alone, and what happens when something goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder import output
from builder.held import MANIFEST, find_held
from builder.output import (
    Artifact,
    OutputError,
    Stage,
    Staged,
    publish,
    stage_artifacts,
    to_json,
)


def artifacts(**contents: str | Path) -> list[Artifact]:
    """Artifacts by path, with `__` for a slash and `_` for a dot."""
    return [
        Artifact(path.replace("__", "/").replace("_", "."), text.encode() if isinstance(text, str) else text)
        for path, text in contents.items()
    ]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file with its bytes and every folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def files(folder: Path) -> list[str]:
    return [path for path, content in snapshot(folder).items() if content is not None]


def times(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "site"


def test_json_is_sorted_indented_and_ends_with_a_newline() -> None:
    assert to_json({"b": [1, 2.5], "a": "ü"}) == '{\n  "a": "ü",\n  "b": [\n    1,\n    2.5\n  ]\n}\n'.encode()


def test_the_site_holds_the_artifacts_and_their_digests(target: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w" * 100_000)
    made = publish(artifacts(index_html="i", c__a__a_json="{}", c__a__w_bin=tmp_path / "weights"), target)
    assert made.written == ("c/a/a.json", "c/a/w.bin", "index.html", MANIFEST)
    assert (made.unchanged, made.removed) == ((), ())
    manifest = json.loads((target / MANIFEST).read_bytes())
    assert manifest["manifest_version"] == "1.0.0"
    found = {path: hashlib.sha256((target / path).read_bytes()).hexdigest() for path in files(target)}
    del found[MANIFEST]
    assert manifest["files"] == found
    assert (target / "c/a/w.bin").stat().st_mode & 0o777 == (target / "index.html").stat().st_mode & 0o777


def test_publishing_twice_writes_nothing(target: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w")
    made = artifacts(index_html="i", c__a_json="{}", c__w_bin=tmp_path / "weights")
    publish(made, target)
    before = times(target)
    again = publish(reversed(made), target)
    assert (again.written, again.removed) == ((), ())
    assert len(again.unchanged) == 4
    assert times(target) == before


def test_only_what_changed_is_written(target: Path) -> None:
    publish(artifacts(a_json="1", b_json="2", c_json="3"), target)
    before = times(target)
    made = publish(artifacts(a_json="1", b_json="two", d_json="4", c_json="3"), target)
    assert made.written == ("b.json", "d.json", MANIFEST)
    after = times(target)
    assert {path for path in before if before[path] != after[path]} == {"b.json", MANIFEST}


def test_a_file_that_somebody_changed_is_mended(target: Path) -> None:
    made = artifacts(a_json="1", b_json="2")
    publish(made, target)
    (target / "a.json").write_text("x")
    (target / "b.json").unlink()
    assert publish(made, target).written == ("a.json", "b.json")
    assert (target / "a.json").read_text() == "1"


def test_what_the_previous_build_left_is_removed_and_what_others_left_is_not(target: Path) -> None:
    publish(artifacts(index_html="i", c__old__old_json="{}", c__old__w_bin="w", d__x__x_json="{}"), target)
    (target / "CNAME").write_text("example.com")
    (target / "c" / "notes.txt").write_text("mine")
    made = publish(artifacts(index_html="i"), target)
    assert made.removed == ("c/old/old.json", "c/old/w.bin", "d/x/x.json")
    assert sorted(snapshot(target)) == ["CNAME", "c", "c/notes.txt", "index.html", MANIFEST]


@pytest.mark.parametrize("content", [None, "not json", "[]", '{"files": 5}', '{"files": ["a"]}', '{"x": {}}'])
def test_a_folder_that_no_build_made_is_refused(content: str | None, target: Path) -> None:
    target.mkdir(parents=True)
    (target / "thesis.tex").write_text("important")
    if content is not None:
        (target / MANIFEST).write_text(content)
    before = snapshot(target)
    with pytest.raises(OutputError, match=r"was not made by build-catalog.*--output"):
        publish(artifacts(index_html="i"), target)
    assert snapshot(target) == before


def test_an_empty_folder_is_taken(target: Path) -> None:
    target.mkdir(parents=True)
    assert publish(artifacts(index_html="i"), target).written == ("index.html", MANIFEST)


def test_a_file_in_the_place_of_the_site_is_refused(target: Path) -> None:
    target.parent.mkdir()
    target.write_text("x")
    with pytest.raises(OutputError, match="not empty"):
        publish(artifacts(index_html="i"), target)
    assert target.read_text() == "x"


@pytest.mark.parametrize(
    "path", ["../victim", "/victim", "x/../../victim", "c/../../victim", "link/victim", "", ".", "c"]
)
def test_a_manifest_that_was_tampered_with_removes_nothing_outside(path: str, target: Path) -> None:
    publish(artifacts(index_html="i", c__a_json="{}"), target)
    victim = target.parent / "victim"
    victim.write_text("important")
    (target / "link").symlink_to(target.parent)
    manifest = json.loads((target / MANIFEST).read_bytes())
    manifest["files"][str(victim) if path == "/victim" else path] = "0"
    (target / MANIFEST).write_text(json.dumps(manifest))
    assert publish(artifacts(index_html="i", c__a_json="{}"), target).removed == ()
    assert victim.read_text() == "important"
    assert (target / "c" / "a.json").is_file()


@pytest.mark.parametrize("path", ["", ".", "/etc/x", "../x", "a/../../x", "a/../b", "a//b", "./a", "a/", "a\\..\\x"])
def test_a_path_that_leaves_the_site_is_refused(path: str, target: Path) -> None:
    with pytest.raises(OutputError, match="leaves the site"):
        publish([Artifact(path, b"")], target)
    assert not target.exists()


@pytest.mark.parametrize(
    "paths",
    [("a", "a"), ("c/A.json", "c/a.json"), ("Straße", "STRASSE"), (MANIFEST,), ("Manifest.JSON",)],
)
def test_two_files_never_want_one_path(paths: tuple[str, ...], target: Path) -> None:
    with pytest.raises(OutputError, match="two files want the path"):
        publish([Artifact(path, b"") for path in paths], target)
    assert not target.exists()


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b/c", "a"), ("C/x", "c"), (f"{MANIFEST}/x",)])
def test_a_path_is_not_both_a_file_and_a_folder(paths: tuple[str, ...], target: Path) -> None:
    with pytest.raises(OutputError, match="as a file and"):
        publish([Artifact(path, b"") for path in paths], target)
    assert not target.exists()


# --- failures --------------------------------------------------------------------------------------------------------


class _Vanishing(type(Path())):  # type: ignore[misc]
    """A file that can be read for its digest and is gone when it is copied."""

    def open(self, *args: object, **kwargs: object) -> object:
        stream = super().open(*args, **kwargs)
        self.unlink()
        return stream


@pytest.mark.parametrize("vanishing", [True, False])
def test_a_failure_leaves_the_previous_site_as_it_was(vanishing: bool, target: Path, tmp_path: Path) -> None:
    publish(artifacts(index_html="old", c__a__a_json="{}", z_json="z"), target)
    before, then = snapshot(target), times(target)
    weights = tmp_path / "weights"
    if vanishing:
        weights.write_bytes(b"w")
        weights = _Vanishing(weights)
    with pytest.raises(FileNotFoundError):
        publish(artifacts(a_json="new", index_html="new", c__b__w_bin=weights), target)
    assert snapshot(target) == before
    assert times(target) == then


def test_a_failure_of_a_first_build_leaves_no_site(target: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w")
    with pytest.raises(FileNotFoundError):
        publish(artifacts(index_html="i", w_bin=_Vanishing(tmp_path / "weights")), target)
    assert not target.exists()


def test_a_full_disk_leaves_the_previous_site_as_it_was(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(artifacts(index_html="old"), target)
    before = snapshot(target)
    write, written = output._write, []

    def full(artifact: Artifact, path: str) -> None:
        written.append(path)
        if len(written) > 2:
            assert isinstance(artifact.content, bytes)
            Path(path).write_bytes(artifact.content[: len(artifact.content) // 2])
            raise OSError(28, os.strerror(28), path)
        write(artifact, path)

    monkeypatch.setattr(output, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        publish(artifacts(index_html="new", a_json="1", b_json="22", c_json="33"), target)
    monkeypatch.undo()
    assert snapshot(target) == before


def test_a_folder_of_others_is_refused_by_a_build_with_a_cache_too(target: Path) -> None:
    target.mkdir(parents=True)
    (target / "thesis.tex").write_text("important")
    for manifest in (None, "no JSON", "{}"):
        if manifest:
            (target / MANIFEST).write_text(manifest)
        with pytest.raises(OutputError, match="was not made by build-catalog"):
            publish(artifacts(index_html="i"), target, find_held(target))
    assert files(target) == [MANIFEST, "thesis.tex"]


# --- files that other processes stage ---------------------------------------------------------------------------------


def test_staged_files_are_moved_into_place_where_they_are_new(target: Path) -> None:
    publish(artifacts(a_json="1", b_json="2", c__d_json="3"), target)
    then = times(target)
    with Stage(target, find_held(target)) as stage:
        staged = stage_artifacts(artifacts(a_json="1", b_json="two", e__f_json="4"), stage.open())
        staged += stage_artifacts(artifacts(c__d_json="3"), stage.open())
        assert all(isinstance(artifact.content, Staged) for artifact in staged)
        made = stage.publish([*staged, *artifacts(g_json="5")])
    assert made.written == ("b.json", "e/f.json", "g.json", MANIFEST)
    assert made.unchanged == ("a.json", "c/d.json")
    expected = {"a.json": b"1", "b.json": b"two", "c/d.json": b"3", "e/f.json": b"4", "g.json": b"5"}
    assert {path: (target / path).read_bytes() for path in files(target) if path != MANIFEST} == expected
    assert {path: time for path, time in times(target).items() if path in made.unchanged} == {
        path: time for path, time in then.items() if path in made.unchanged
    }
    with Stage(target) as stage:
        again = stage_artifacts(artifacts(a_json="1", b_json="2"), stage.open())
        assert stage.publish(again).written == ("b.json", MANIFEST)


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b"), ("a/b", "a/b/c")])
def test_a_stage_holds_one_thing_at_a_path(paths: tuple[str, str], target: Path) -> None:
    first, second = ([Artifact(path, b"1")] for path in paths)
    with Stage(target) as stage:
        stage_artifacts(first, stage.open())
        with pytest.raises(OutputError, match="is wanted as a file and as a folder, or as two files"):
            stage_artifacts(second, stage.open())
    assert not target.exists()


def test_nothing_is_staged_outside_the_stage(target: Path) -> None:
    with Stage(target) as stage, pytest.raises(OutputError, match="leaves the site"):
        stage_artifacts([Artifact("../../x", b"1")], stage.open())
    assert not target.parent.joinpath("x").exists()


def test_a_folder_that_cannot_be_moved_as_a_whole_is_moved_file_by_file(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(artifacts(a__b="1"), target)

    def held_open(folder: str, to: str) -> None:
        raise PermissionError(13, "a virus scanner reads a file in it", folder, to)

    monkeypatch.setattr(os, "rename", held_open)
    made = publish(artifacts(a__b="2", a__c__d="3", e__f__g="4"), target)
    assert made.written == ("a/b", "a/c/d", "e/f/g", MANIFEST)
    assert files(target) == ["a/b", "a/c/d", "e/f/g", MANIFEST]


def test_a_folder_of_the_site_that_lies_elsewhere_stays_a_link(target: Path, tmp_path: Path) -> None:
    publish(artifacts(a__b="1"), target)
    (target / "a").rename(tmp_path / "elsewhere")
    (target / "a").symlink_to(tmp_path / "elsewhere")
    assert publish(artifacts(a__b="2", a__c="3"), target).written == ("a/b", "a/c", MANIFEST)
    assert (target / "a").is_symlink()
    assert files(tmp_path / "elsewhere") == ["b", "c"]


def test_the_stage_goes_although_others_still_write_there(target: Path) -> None:
    failed: list[OSError] = []
    begun = threading.Event()

    def slowly(name: str) -> Iterator[Artifact]:
        for number in range(200):
            yield Artifact(f"{name}/{number // 10}/{number}", b"1")
            begun.set()
            time.sleep(0.01)

    def write(stage: str, name: str) -> None:
        try:
            stage_artifacts(slowly(name), stage)
        except OSError as error:
            failed.append(error)

    with Stage(target) as stage:
        writers = [threading.Thread(target=write, args=(stage.open(), name)) for name in "xyz"]
        for writer in writers:
            writer.start()
        assert begun.wait(60)
        with pytest.raises(OutputError, match="two files want"):
            stage.publish([*artifacts(a_json="1"), *artifacts(a_json="2")])
    for writer in writers:
        writer.join()
    assert len(failed) == len(writers)
    assert not target.exists()


# --- files and folders that trade places -----------------------------------------------------------------------------


def test_a_file_becomes_a_folder_and_a_folder_a_file(target: Path) -> None:
    publish(artifacts(a="file", b__c__d="deep"), target)
    made = publish(artifacts(a__x__y="deep", b="file"), target)
    assert made.written == ("a/x/y", "b", MANIFEST)
    assert made.removed == ("a", "b/c/d")
    assert snapshot(target)["b"] == b"file"
    assert files(target) == ["a/x/y", "b", MANIFEST]
    publish(artifacts(a="file", b__c__d="deep"), target)
    assert files(target) == ["a", "b/c/d", MANIFEST]


def test_an_empty_folder_does_not_stand_in_the_way(target: Path) -> None:
    publish(artifacts(a="1"), target)
    (target / "b" / "c").mkdir(parents=True)
    publish(artifacts(a="1", b="2"), target)
    assert (target / "b").read_text() == "2"


def test_a_foreign_file_in_the_way_is_kept_and_named(target: Path) -> None:
    publish(artifacts(a="1", d__e="2"), target)
    (target / "docs").write_text("mine")
    (target / "d" / "notes.txt").write_text("mine")
    before = snapshot(target)
    with pytest.raises(OutputError, match=r"docs is a file, but the site needs a folder"):
        publish(artifacts(a="new", docs__index_html="x"), target)
    with pytest.raises(OutputError, match=r"d is a folder with files of its own"):
        publish(artifacts(a="new", d="x"), target)
    assert snapshot(target) == before
