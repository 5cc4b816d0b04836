"""Beginnings: a new registry builds at once, and a new model file says what its author has stated and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from shared import ROOT

from builder import pipeline, scaffold
from builder.cli import main
from builder.document import parse
from builder.importers.yaml_text import to_flow
from builder.schema import source_schema

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
EXAMPLES: dict[str, st.SearchStrategy[object]] = {
    "title": TEXTS, "description": TEXTS, "license": st.just("MIT"), "platform": TEXTS, "gsd": st.floats(0.1, 1e4),
    "dlm:outputs.task": st.just("regression"), "dlm:runtime.framework": TEXTS,
    "assets": st.just({"weights": {"href": "https://example.com/a.onnx", "roles": ["weights"]}}),
}  # fmt: skip


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result.output


def warnings_of(folder: Path) -> list[tuple[str, str]]:
    found = pipeline.check(pipeline.Settings(folder)).diagnostics
    return [(d.rule, d.message) for d in found if d.severity != "note"]


# --- a model file ----------------------------------------------------------------------------------------------------


def test_every_fact_has_an_example() -> None:
    assert set(EXAMPLES) == set(scaffold.FACTS)


@given(st.fixed_dictionaries({}, optional=EXAMPLES))
def test_a_new_file_states_what_was_given_and_nothing_else(facts: dict[str, object]) -> None:
    document, found = parse("net.yml", scaffold.to_model_text(facts))
    assert document is not None, found
    assert found == []
    stated = {"description": scaffold.TODO, **facts}
    if not any(key.startswith("dlm:") for key in facts):
        stated["dlm:architecture.type"] = "TODO"
    wanted: dict[str, object] = {}
    for name, value in stated.items():
        outer, _, inner = name.partition(".")
        if inner:
            wanted[outer] = {inner: value}
        else:
            wanted[outer] = value
    assert document.data == wanted


def test_what_was_not_given_stands_there_commented_out() -> None:
    example = (ROOT / "builder" / "starter" / "model.yml").read_text("utf-8").splitlines()
    made = scaffold.to_model_text({"title": "Net", "dlm:outputs.task": "regression"}).splitlines()
    assert len(made) == len(example)
    for old, new in zip(example, made, strict=True):
        same = new in (old, f"#{old}") or new.replace("#", "", 1) == old
        assert same or new in (
            "title: Net",
            "dlm:outputs:",
            "  task: regression",
            f"description: {to_flow(scaffold.TODO)}",
        )


def test_the_whole_example_is_a_model_file_without_a_fault(tmp_path: Path) -> None:
    (tmp_path / "land").mkdir()
    text = (ROOT / "builder" / "starter" / "model.yml").read_text("utf-8")
    (tmp_path / "land" / "net.yml").write_text(text)
    found = [d for d in pipeline.check(pipeline.Settings(tmp_path)).diagnostics if d.rule != "extension-unresolvable"]
    assert found == []
    document, _ = parse("net.yml", text)
    assert document is not None
    assert list(Draft7Validator(source_schema()).iter_errors(document.data)) == []


def test_a_new_file_has_only_named_todos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("new", "net", "--collection", "land")
    assert {rule for rule, _ in warnings_of(tmp_path / "catalog_src")} == {"todo-left"}
    given = ["--title", "Net: a", "--description", "Finds ships.", "--license", "MIT", "--task", "object detection"]
    run("new", "other", *given, "--framework", "ONNX", "--platform", "worldview-2", "--gsd", "0.5")
    found = [message for rule, message in warnings_of(tmp_path / "catalog_src") if rule != "todo-left"]
    assert found == []
    document, _ = parse("other.yml", (tmp_path / "catalog_src" / "land" / "other.yml").read_text("utf-8"))
    assert document is not None
    assert document.data["title"] == "Net: a"
    assert document.data["gsd"] == 0.5


def test_a_new_file_names_the_schema_that_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("new", "net", "--collection", "land")
    text = (tmp_path / "catalog_src" / "land" / "net.yml").read_text("utf-8")
    place = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    schema = tmp_path / "catalog_src" / "land" / place
    assert schema.read_text("utf-8") == scaffold.to_schema_text()
    schema.write_text("{}")
    run("new", "other")
    assert schema.read_text("utf-8") == scaffold.to_schema_text(), "an older one is renewed"


def test_an_existing_file_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("new", "net", "--collection", "land")
    target = tmp_path / "catalog_src" / "land" / "net.yml"
    target.write_text("mine")
    assert "exists already" in run("new", "net", "--collection", "land", code=2)
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a/b", "--collection", "land"), "id: a-b"),
        (("../../net", "--collection", "land"), "characters that addresses cannot have"),
        (("net", "--collection", "../land"), "characters that addresses cannot have"),
        (("net", "--collection", "docs"), "is taken by the site"),
        (("con", "--collection", "land"), "is taken by the site"),
        (("net",), "there is none yet; name one with --collection"),
    ],
)
def test_an_id_that_cannot_be_published_is_refused(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in run("new", *arguments, code=2)
    assert list(tmp_path.rglob("*")) == []


def test_of_several_collections_one_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sea", "land", "_hidden"):
        (tmp_path / "catalog_src" / name).mkdir(parents=True)
    assert "there are land, sea; name one with --collection" in run("new", "net", code=2)


def test_a_person_is_asked_for_what_the_options_leave_open(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="needs terminals of Unix")
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "builder.cli", "new", "net", "--collection", "land", "--license", "MIT"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, stdin=terminal, stderr=subprocess.PIPE, env=environment) as process:
        os.write(controller, b"Ship finder\n\nobject detection\n")
        assert process.stderr is not None
        said = process.stderr.read().decode()
    os.close(controller)
    os.close(terminal)
    assert process.returncode == 0, said
    assert "Title" in said
    assert "License" not in said, "it was given"
    document, _ = parse("net.yml", (tmp_path / "catalog_src" / "land" / "net.yml").read_text("utf-8"))
    assert document is not None
    assert document.data == {
        "title": "Ship finder", "description": scaffold.TODO, "license": "MIT",
        "dlm:outputs": {"task": "object detection"},
    }  # fmt: skip


# --- a registry ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [(), ("--title", "Models: “yes” & {no}", "--collection", "sea-ice", "--model", "floes")]
)
def test_a_new_registry_builds_and_checks_clean(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("init", "my-models", *arguments)
    monkeypatch.chdir(tmp_path / "my-models")
    assert warnings_of(Path("catalog_src")) == []
    said = run("--strict")
    assert "0 errors, 0 warnings" in said
    assert Path("site/index.html").is_file()
    run("new", "second")
    run()


def test_the_ids_of_a_registry_are_those_that_were_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("init", ".", "--title", "Ice", "--collection", "sea-ice", "--model", "floes")
    assert Path("catalog_src/sea-ice/floes.yml").is_file()
    assert "--collection sea-ice" in Path("README.md").read_text()
    assert "$" not in Path("README.md").read_text()
    document, _ = parse("catalog.yml", Path("catalog_src/catalog.yml").read_text())
    assert document is not None
    assert document.data["title"] == "Ice"


def test_where_a_file_is_in_the_way_none_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    Path("here/README.md").write_text("mine")
    assert "README.md exists already; nothing was written" in run("init", "here", code=2)
    assert [path.name for path in Path("here").iterdir()] == ["README.md"]
    assert Path("here/README.md").read_text() == "mine"
