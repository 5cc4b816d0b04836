"""`check --against`: breaking changes without a new version, at their lines in the new files and the old."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from shared import ROOT
from sources import write

from builder.against import find_breaks, is_later
from builder.cli import main

PAIRS = ROOT / "tests" / "diff"
MODEL = """description: A model.
version: "1.0"
dlm:outputs:
  class_name_mapping:
    - water
    - forest
"""


def run(*words: str) -> Any:
    return CliRunner().invoke(main, ["check", *words], catch_exceptions=False)


def test_it_lands_on_the_line_of_the_new_file_and_names_that_of_the_old(tmp_path: Path) -> None:
    write(tmp_path, {"old/c/a.yml": "# A comment.\n" + MODEL, "new/c/a.yml": MODEL.replace("forest", "town")})
    (found,) = find_breaks(str(tmp_path / "old"), tmp_path / "new")
    assert (found.rule, found.severity, found.span.line, found.span.column) == ("change-breaking", "error", 6, 7)
    assert found.message == "class 1 was “forest”, is “town”, but the version is 1.0 still"
    ((place, words),) = found.related
    assert (place.file, place.line, words) == ((tmp_path / "old/c/a.yml").as_posix(), 7, "was stated here")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("forest", "town", "change-breaking"),
        ('"1.0"', '"2.0"', None),
        ("description: A model.", "description: The model.", None),
        ("    - water\n", "", "change-breaking"),
        ("dlm:outputs:", "license: MIT\ndlm:outputs:", None),
        ("description: A model.", "description: A model.\ncollection: other", "model-removed"),
        ("dlm:outputs:", "withdrawn: {reason: It was wrong., since: 2024-05-01}\ndlm:outputs:", None),
    ],
)
def test_only_what_breaks_under_the_same_version_is_found(old: str, new: str, rule: str | None, tmp_path: Path) -> None:
    write(tmp_path, {"old/c/a.yml": MODEL, "new/c/a.yml": MODEL.replace(old, new)})
    assert {d.rule for d in find_breaks(str(tmp_path / "old"), tmp_path / "new")} == ({rule} if rule else set())


def test_a_new_version_makes_it_right_but_not_a_lower_one(tmp_path: Path) -> None:
    broken = MODEL.replace("forest", "town")
    cases = {"1.0": "1.0 still", "1.1": "", "0.9": "went from 1.0 to 0.9", "1.0.0": "went from 1.0 to 1.0.0"}
    for version, words in cases.items():
        write(tmp_path, {"old/c/a.yml": MODEL, "new/c/a.yml": broken.replace('"1.0"', f'"{version}"')})
        found = find_breaks(str(tmp_path / "old"), tmp_path / "new")
        assert bool(found) == bool(words), version
        assert all(words in d.message for d in found)
    write(tmp_path, {"new/c/a.yml": broken.replace('version: "1.0"\n', "")})
    assert "no version says so" in find_breaks(str(tmp_path / "old"), tmp_path / "new")[0].message


@pytest.mark.parametrize(
    ("old", "new", "later"),
    [
        ("1.9", "1.10", True),
        ("1.10", "1.9", False),
        ("1.0", "1.0.0", False),
        ("blue", "green", True),
        ("1", "v2", True),
    ],
)
def test_versions_are_ordered_as_versions(old: str, new: str, later: bool) -> None:
    assert is_later(old, new) is later


def test_every_breaking_pair_is_found_unless_its_version_says_so() -> None:
    for pair in PAIRS.iterdir():
        expected = json.loads((pair / "expected.json").read_text("utf-8"))
        kinds = [c["kind"] for c in expected if c["severity"] == "breaking" and "/" in c["id"]]
        found = find_breaks(str(pair / "old"), pair / "new")
        assert len(found) == len([kind for kind in kinds if kind not in ("withdrawn", "unreadable")]), pair.name
        assert all(d.hint for d in found)


def test_the_command_checks_a_folder_or_one_file(tmp_path: Path) -> None:
    write(tmp_path, {"old/c/a.yml": MODEL, "old/c/b.yml": MODEL})
    new = write(
        tmp_path / "new", {"c/a.yml": MODEL.replace("forest", "town"), "c/b.yml": MODEL, "catalog.yml": "id: x\n"}
    )
    whole = run(str(new), "--against", str(tmp_path / "old"))
    assert whole.exit_code == 1
    assert "error[change-breaking] class 1 was “forest”, is “town”" in whole.stdout
    assert run(str(new / "c/a.yml"), "--against", str(tmp_path / "old")).exit_code == 1
    assert run(str(new / "c/b.yml"), "--against", str(tmp_path / "old")).exit_code == 0
    assert run(str(new)).exit_code == 0
    for form in ("json", "github", "sarif"):
        assert "change-breaking" in run(str(new), "--against", str(tmp_path / "old"), "--format", form).stdout


def test_an_earlier_state_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    done = run(str(write(tmp_path, {"c/a.yml": MODEL})), "--against", "--no-such-revision")
    assert done.exit_code == 2
    assert "is not the name of a revision" in done.stderr or "repository" in done.stderr
