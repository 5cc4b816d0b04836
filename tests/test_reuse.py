"""Builds on top of earlier ones: the same bytes as a build from nothing, and nothing made again without a reason."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from shared import ROOT
from sources import MINIMAL, many, write

from builder import catalog, pipeline, recalled, reuse
from builder.about import to_about
from builder.across import Outcome
from builder.cache import FOLDER, digest_of, open_cache
from builder.cli import main
from builder.held import MANIFEST, find_held
from builder.output import to_json
from builder.pipeline import Build, Settings
from builder.remembered import KEPT, pack, remember
from builder.source import find_source
from builder.spool import Spool
from builder.workers import SERIAL, Workers, open_pool

GOLDEN = ROOT / "tests" / "golden" / "source"
LONG_AGO = 1_000_000_000


def age(folder: Path) -> None:
    """Makes every file of a folder old enough for its time to tell one content from another."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO, LONG_AGO))


def snapshot(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


class Project:
    """A source folder with its site and its cache."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self.source, self.site = folder / "catalog_src", folder / "site"
        shutil.copytree(source, self.source)
        age(self.source)

    def build(self, workers: Workers = SERIAL, **settings: Any) -> Build:
        with open_cache(self.folder / FOLDER) as cache:
            assert cache is not None
            made = pipeline.build(Settings(self.source, **settings), site=self.site, cache=cache, workers=workers)
        assert made.published is not None, [d for d in made.diagnostics if d.severity == "error"]
        return made

    def check_bytes(self, made: Build, **settings: Any) -> None:
        """The site and the findings are those of a build from nothing."""
        fresh = pipeline.build(Settings(self.source, **settings), site=self.folder / "fresh")
        assert snapshot(self.site) == snapshot(self.folder / "fresh")
        assert made.diagnostics == fresh.diagnostics
        assert (made.models, made.base_url, made.failed) == (fresh.models, fresh.base_url, fresh.failed)
        shutil.rmtree(self.folder / "fresh")

    def check_changed(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """One model is made again, and the site is that of a build from nothing without the patches."""
        made = self.build()
        assert list(made.made_again) == [path]
        monkeypatch.undo()
        self.check_bytes(made)

    def write(self, path: str, text: str) -> None:
        write(self.source, {path: text})

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.source / path
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), "utf-8")


@pytest.fixture
def golden(tmp_path: Path) -> Project:
    return Project(tmp_path, GOLDEN)


@pytest.fixture(scope="module")
def large_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = many(tmp_path_factory.mktemp("many") / "source", 60)
    return write(source, {"c0/collection.yml": "title: The first\n", "c0/with-file.yml": MINIMAL + (
        "assets: {w: {href: weights.bin, roles: ['dlm:weights']}}\n"), "c0/weights.bin": b"ww"})  # fmt: skip


@pytest.fixture(scope="module")
def built(large_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was built once."""
    folder = tmp_path_factory.mktemp("built")
    Project(folder, large_source).build()
    age(folder / "site")
    return folder


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Project:
    """A copy of it, with the cache moved along: its keys name the folder, so the first build is made once more."""
    made = Project(tmp_path, built / "catalog_src")
    made.build()
    age(made.site)
    made.build()
    return made


def test_nothing_changed_nothing_is_made(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in ("check_source", "run_render", "Stage"):
        monkeypatch.setattr(pipeline, stage, lambda *_: pytest.fail("was made again"))
    monkeypatch.setattr(reuse, "find_held", _no_reading(find_held))
    made = project.build()
    assert made.published is not None
    assert (made.published.written, made.published.removed, made.made_again) == ((), (), {})
    assert made.published.unchanged == tuple(sorted(snapshot(project.site)))
    monkeypatch.undo()
    project.check_bytes(made)


def _no_reading(find: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which fails when it reads a file although its size and time are known."""

    def guarded(site: Path, known: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("builder.held.sha256_of", lambda path: pytest.fail(f"{path} is read"))
            return find(site, known)

    return guarded


def test_one_changed_model_writes_what_mentions_it(project: Project) -> None:
    project.edit("c1/m19.yml", "title: Model 19", "title: Another name")
    made = project.build()
    assert made.published is not None
    assert made.made_again == {
        "c1/m16.yml": "another version of it changed",
        "c1/m19.yml": "the file changed; another version of it changed",
    }
    folders = {path.rpartition("/")[0] for path in made.published.written}
    assert folders == {"", "c1", "c1/m16", "c1/m16/latest", "c1/m19", "c1/m19/latest", "search"}
    assert not any(path.startswith("c1/m13") for path in made.published.written)
    project.check_bytes(made)
    age(project.site)
    assert project.build().made_again == {}


def test_a_changed_description_leaves_the_lists_alone(project: Project) -> None:
    project.edit("c1/m4.yml", "description: ", "description: Otherwise. ")
    made = project.build()
    assert made.published is not None
    assert made.made_again == {"c1/m4.yml": "the file changed"}
    assert not {"index.html", "c1/index.html", "c1/collection.json", "search/index.js"} & {*made.published.written}
    assert {"models.json", "search/words.js", "c1/m4/index.html"} <= {*made.published.written}
    project.check_bytes(made)


CHANGES: dict[str, tuple[Callable[[Project], object], str, int]] = {
    "new": (lambda p: p.write("c2/new.yml", MINIMAL), "it is new", 1),
    "collection": (
        lambda p: p.edit("c0/collection.yml", "The first", "First"), "titles, rules or the address", 61,
    ),
    "collection-license": (
        lambda p: p.write("c0/collection.yml", "title: The first\ndefaults: {license: MIT}\n"),
        "its collection file changed", 21,
    ),
    "catalog": (lambda p: p.write("catalog.yml", "title: T\nbase_url: https://example.org\n"), "titles, rules", 61),
    "local": (lambda p: p.write("c0/weights.bin", "www"), "a file beside it changed", 1),
    "site": (lambda p: (p.site / "c0/m0/index.html").write_text("x"), "its files in the site were changed", 1),
    "site-removed": (lambda p: (p.site / "c1/m1/m1.json").unlink(), "its files in the site were changed", 1),
    "page": (lambda p: (p.site / "c1/index.html").unlink(), "", 0),
    "manifest": (lambda p: (p.site / "manifest.json").write_text('{"files": {}}'), "its files in the site were", 61),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_made_again_and_the_reason_is_told(name: str, project: Project) -> None:
    change, why, number = CHANGES[name]
    change(project)
    made = project.build()
    assert len(made.made_again) == number
    assert all(why in told for told in made.made_again.values()), set(made.made_again.values())
    project.check_bytes(made)


def test_a_model_that_goes_takes_its_files_along(project: Project) -> None:
    (project.source / "c0/with-file.yml").unlink()
    (project.source / "c0/weights.bin").unlink()
    made = project.build()
    assert made.published is not None
    assert {"c0/with-file/index.html", "c0/with-file/weights.bin"} <= {*made.published.removed}
    assert made.made_again == {}
    project.check_bytes(made)


def test_other_settings_and_templates_are_noticed(project: Project, tmp_path: Path) -> None:
    made = project.build(base_url="https://example.org/x")
    assert made.base_url == "https://example.org/x"
    project.check_bytes(made, base_url="https://example.org/x")
    own = write(
        tmp_path / "own", {"parts/models.html": (ROOT / "site_templates/parts/models.html").read_bytes() + b" "}
    )
    made = project.build(templates=own)
    assert any("the templates changed" in why for why in made.made_again.values())
    project.check_bytes(made, templates=own)


def test_own_templates_may_show_anything_in_lists(project: Project, tmp_path: Path) -> None:
    text = (
        '{% extends "default/collection.html" %}{% block main %}{{ super() }}'
        "{% for entry in collection.entries %}{{ entry.model.description }}{% endfor %}{% endblock %}"
    )
    own = write(tmp_path / "own", {"collection.html": text})
    project.build(templates=own)
    project.edit("c1/m4.yml", "description: ", "description: Otherwise. ")
    made = project.build(templates=own)
    assert b"Otherwise." in (project.site / "c1/index.html").read_bytes()
    project.check_bytes(made, templates=own)


def test_a_file_that_changes_within_the_same_second_is_noticed(golden: Project) -> None:
    """Size and time stay as they were; the time is too young to be trusted."""
    golden.build()
    card = golden.source / "ships" / "ships.json"
    now = time.time() + 60
    os.utime(card, (now, now))
    golden.build()
    card.write_text(card.read_text("utf-8").replace("kept as it is", "kept as it IS"), "utf-8")
    os.utime(card, (now, now))
    made = golden.build()
    assert list(made.made_again) == ["ships/ships.json"]
    golden.check_bytes(made)


def test_the_golden_catalog_is_the_same_with_and_without_a_cache(golden: Project) -> None:
    for _ in range(3):
        golden.check_bytes(golden.build())
        age(golden.site)


def test_errors_leave_what_was_kept(project: Project) -> None:
    project.edit("c1/m4.yml", "license: MIT", "licence: MIT")
    with open_cache(project.folder / FOLDER) as cache:
        failed = pipeline.build(Settings(project.source), site=project.site, cache=cache)
    assert failed.failed
    assert failed.published is None
    project.edit("c1/m4.yml", "licence: MIT", "license: MIT")
    assert project.build().made_again == {}


def test_two_sites_of_one_source_do_not_disturb_each_other(project: Project) -> None:
    first = project.site
    project.site = project.folder / "second"
    made = project.build()
    assert made.published is not None
    assert made.published.unchanged == ()
    project.check_bytes(made)
    project.site = first
    assert project.build().made_again == {}


def test_an_outcome_is_the_same_from_plain_values(tmp_path: Path) -> None:
    """Every field of an outcome that matters, of models with findings, waivers, files and predecessors."""
    assert {field.name for field in fields(Outcome)} == {
        "file", "entry", "diagnostics", "versions", "used", "waived",
    }  # fmt: skip
    waived = "defaults:\n  license: various  # catalog: ignore[license-spdx] several\n"
    write(tmp_path, {"c/collection.yml": waived, "c/a.yml": MINIMAL})
    seen = set()
    for folder in (tmp_path, GOLDEN, ROOT / "catalog_src"):
        source = find_source(folder)
        for outcome in pipeline.run_read(source, to_about(source), lambda *_: None):
            if outcome.entry is None:
                continue
            kept = remember(pack(outcome.entry, Spool(None)), pytest.fail)
            value, details = recalled.encode(replace(outcome, entry=kept), {})
            told = orjson.loads(orjson.dumps(value))
            read = {name: json.loads(detail) for name, detail in details.items()}
            again = recalled.decode({**told, "used": sorted(outcome.used)}, outcome.file, pytest.fail, read.get)
            assert replace(again, entry=None) == replace(outcome, entry=None)
            assert again.entry is not None
            for function in KEPT:
                assert digest_of(again.entry.recall(function)) == digest_of(function(outcome.entry))
                assert again.entry.digest(function) == outcome.entry.digest(function)
            seen |= {name for name in ("diagnostics", "versions", "used", "waived") if getattr(outcome, name)}
    assert seen == {"diagnostics", "versions", "used", "waived"}


def test_a_pool_hands_out_what_the_cache_holds(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept cache and an empty site, as in CI: what is pickled in the thread of the pool is asked there."""

    def again(*_: object) -> None:
        raise AssertionError("compared again")  # pytest.fail would end the pool's thread, and the test wait for it

    project.site = project.folder / "second"
    monkeypatch.setattr(catalog, "compare_versions", again)
    with open_pool(2) as pool:
        made = project.build(Workers(pool.executor, 2))
    monkeypatch.undo()
    project.check_bytes(made)


def test_versions_are_not_compared_again(golden: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    golden.build()
    monkeypatch.setattr(catalog, "compare_versions", lambda *_: pytest.fail("compared again"))
    golden.edit("ships/ships.json", "kept as it is", "kept as it IS")
    golden.check_changed("ships/ships.json", monkeypatch)


def test_other_files_in_the_folder_of_a_model_are_no_files_of_it(project: Project) -> None:
    """As pages of the documentation may be, in this build and not in the next one."""
    manifest = json.loads((project.site / MANIFEST).read_bytes())
    (project.site / "c1/m1/more.html").write_text("more")
    manifest["files"]["c1/m1/more.html"] = hashlib.sha256(b"more").hexdigest()
    (project.site / MANIFEST).write_bytes(to_json(manifest))
    project.edit("c1/m4.yml", "description: ", "description: Otherwise. ")
    made = project.build()
    assert made.published is not None
    assert made.published.removed == ("c1/m1/more.html",)
    assert list(made.made_again) == ["c1/m4.yml"]
    project.check_bytes(made)


def test_a_site_that_another_program_moved_is_looked_at_file_by_file(project: Project) -> None:
    """The manifest is not the one that was written, so nothing is known of any file."""
    (project.site / MANIFEST).write_bytes((project.site / MANIFEST).read_bytes() + b"\n")
    made = project.build()
    assert made.made_again == {}
    assert made.published is not None
    assert made.published.written == (MANIFEST,)
    project.check_bytes(made)


@pytest.mark.parametrize("what", ["DELETE FROM detail", "DELETE FROM value WHERE key LIKE 'changes %'"])
def test_what_is_gone_from_the_cache_is_made_again(what: str, golden: Project) -> None:
    golden.build()
    golden.build()
    database = sqlite3.connect(golden.folder / FOLDER / "values.sqlite")
    database.execute(what)
    database.commit()
    database.close()
    golden.edit("ships/ships.json", "kept as it is", "kept as it IS")
    golden.check_bytes(golden.build())


def test_a_model_that_comes_back_is_new(project: Project) -> None:
    text = (project.source / "c1/m4.yml").read_text("utf-8")
    (project.source / "c1/m4.yml").unlink()
    project.build()
    project.write("c1/m4.yml", text.replace("gsd: 20", "gsd: 10"))
    assert project.build().made_again["c1/m4.yml"] == "it is new"


# --- a cache that is not what it should be ---------------------------------------------------------------------------


def _not_a_database(file: Path) -> None:
    file.write_bytes(b"x" * 5000)


def _half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flipped(file: Path) -> None:
    database = sqlite3.connect(file)
    for key, value in database.execute("SELECT key, value FROM value").fetchall():
        at = len(value) // 2
        changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        database.execute("UPDATE value SET value = ? WHERE key = ?", (changed, key))
    database.commit()
    database.close()


def _another_format(file: Path) -> None:
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()


@pytest.mark.parametrize("damage", [_not_a_database, _half, _flipped, _another_format])
def test_a_damaged_cache_is_an_empty_one(damage: Callable[[Path], None], project: Project) -> None:
    for part in (project.folder / FOLDER).glob("values.sqlite-*"):
        part.unlink()
    damage(project.folder / FOLDER / "values.sqlite")
    made = project.build()
    project.check_bytes(made)
    age(project.site)
    project.build()
    assert project.build().made_again == {}


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"catalog_src/c/a.yml": MINIMAL, "catalog_src/c/b.yml": MINIMAL})

    def invoke(*args: str) -> str:
        result = CliRunner().invoke(main, ["build", "--no-docs", *args])
        assert result.exit_code == 0, result.output
        return result.stderr

    return invoke


def test_the_command_keeps_a_cache_beside_the_source(run: Callable[..., str], tmp_path: Path) -> None:
    assert "catalog_src/c/a.yml" not in run()
    assert (tmp_path / FOLDER / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert (tmp_path / FOLDER / ".gitignore").read_text() == "*\n"
    assert run("--explain-cache").startswith("0 models made again.\n")
    write(tmp_path, {"catalog_src/c/a.yml": MINIMAL + "license: MIT\n"})
    assert run("--explain-cache").startswith("c/a.yml: made again: the file changed\n1 model made again.\n")


def test_the_command_can_do_without(run: Callable[..., str], tmp_path: Path) -> None:
    assert run("--no-cache", "--explain-cache").startswith("The cache was not used.\n")
    assert not (tmp_path / FOLDER).exists()


def test_the_cache_never_lies_in_the_site(run: Callable[..., str], tmp_path: Path) -> None:
    """The site is the folder around the source."""
    write(tmp_path, {"manifest.json": '{"files": {}}'})
    assert run("--output", ".", "--explain-cache").startswith("The cache was not used.\n")
    assert (tmp_path / "index.html").is_file()
    assert not (tmp_path / FOLDER).exists()


def test_a_cache_that_cannot_be_made_is_done_without(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    assert run("--explain-cache").startswith("The cache was not used.\n")


def test_findings_are_the_same_from_the_cache(run: Callable[..., str]) -> None:
    told = []
    for _ in range(3):
        run()
        result = CliRunner().invoke(main, ["build", "--no-docs", "--format", "json"])
        told.append(json.loads(result.stdout))
        del told[-1]["summary"]["seconds"]
    assert told[0]["diagnostics"]
    assert told[0] == told[1] == told[2]


def test_the_command_names_the_folder_that_is_used() -> None:
    assert importlib.import_module("builder.commands.build").FOLDER == FOLDER
