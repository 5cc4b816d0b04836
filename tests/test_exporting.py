"""The command `export`: what it prints, and where it stops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sources import MINIMAL, write

from builder.cli import main

WEIGHTS = "assets: {w: {href: 'https://example.com/w.onnx', roles: [weights]}}\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = {
        "src/catalog.yml": "mlm: false\n",
        "src/c/a.yml": MINIMAL + WEIGHTS + "dlm:data: {number_of_bands: 3}\n",
        "src/c/bare.yml": MINIMAL,
    }
    return write(tmp_path, files) / "src"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments), "--to", "mlm"])


def test_a_model_is_named_by_its_file_or_its_id(source: Path) -> None:
    for arguments in ((source / "c" / "a.yml",), ("a", source)):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        item = json.loads(result.stdout)
        assert item["properties"]["mlm:name"] == "Model a", "also where the catalog leaves MLM out"
        assert result.stderr.splitlines()[-1] == "lost: dlm:data.number_of_bands: MLM does not describe the imagery"


def test_a_published_item_is_exported_as_it_is(source: Path, tmp_path: Path) -> None:
    first = run(source / "c" / "a.yml").stdout
    (tmp_path / "src" / "c" / "again.json").write_text(first, "utf-8")
    again = run(tmp_path / "src" / "c" / "again.json")
    assert json.loads(again.stdout)["properties"] == json.loads(first)["properties"]
    assert "of its own" in again.stderr


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("bare", 1, "MLM requires an asset"), ("nothing", 2, "has no model with this id")],
)
def test_what_cannot_be_exported(name: str, code: int, words: str, source: Path) -> None:
    result = run(name, source)
    assert (result.exit_code, words in result.stderr) == (code, True), result.output
    assert result.stdout == ""


def test_a_model_file_with_errors_is_not_exported(source: Path) -> None:
    (source / "c" / "bad.yml").write_text(MINIMAL + "licence: MIT\n", "utf-8")
    result = run(source / "c" / "bad.yml")
    assert result.exit_code == 1
    assert "build-catalog check" in result.stderr
    assert "cannot be built" in run("a", source / "nowhere").stderr
    assert run(source / "catalog.yml").exit_code == 1
