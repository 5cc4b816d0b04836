"""The generated pages: complete, deterministic, and with examples that pass the check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
from nets import silent_bytes
from shared import ROOT

from builder import pipeline, reference, schema
from builder.cli import main
from builder.rules import RULES, examples

EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", reference.model_file_page(), re.DOTALL | re.MULTILINE)


def _keys(node: Any) -> set[str]:
    if isinstance(node, list):
        return {key for item in node for key in _keys(item)}
    if not isinstance(node, dict):
        return set()
    # Under `if` and the like stand conditions; what the DLM schema says of Items and Collections is no model file's.
    own = set(node["properties"]) if isinstance(node.get("properties"), dict) else set()
    return own.union(*(_keys(value) for key, value in node.items() if key not in ("if", "summaries", "range_summary")))


def test_the_model_file_page_has_a_row_for_every_key_of_the_schema() -> None:
    page = reference.model_file_page()
    wanted = _keys(schema.load(schema.MODEL_FILE)) | _keys(schema.load(schema.DLM)["definitions"])
    assert wanted > {"description", "dlm:data", "normalization:mean", "docker_file", "metrics"}
    missing = {key for key in wanted if f"| `{key}`" not in page}
    assert missing == set()


def test_the_model_file_page_says_what_each_key_is_for() -> None:
    page = reference.model_file_page()
    definitions = {**schema.load(schema.MODEL_FILE)["definitions"], **schema.load(schema.DLM)["definitions"]}
    for name, definition in definitions.items():
        if name in ("summaries", "range_summary"):  # of Collections
            continue
        for key, about in definition.get("properties", {}).items():
            assert about.get("description", "") in page, (name, key)


def test_the_settings_page_has_a_row_for_every_key_of_both_schemas() -> None:
    page = reference.settings_files_page()
    for uri in (schema.CATALOG_FILE, schema.COLLECTION_FILE):
        for key, about in schema.load(uri)["properties"].items():
            assert f"| `{key}`" in page
            assert about["description"] in page


def test_every_rule_has_a_section_with_its_documentation() -> None:
    page = reference.rules_page()
    for rule in RULES.values():
        assert f"## {rule.id} {{#{rule.id}}}\n\nSeverity: {rule.severity}\n\n{rule.documentation}\n" in page


def test_every_rule_has_its_cases_as_examples() -> None:
    page = reference.rules_page()
    for rule in RULES:
        section = page.partition(f"## {rule} {{#{rule}}}\n")[2].partition("\n## ")[0]
        bad, good = (ROOT / "tests" / "rules" / rule / f"{kind}.yml" for kind in ("bad", "good"))
        if bad.is_file():
            wrong, right = re.findall(r"^```yaml\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
            assert section.index("Wrong:") < section.index("Right:")
            assert re.sub(r" *# expect: .*", "", bad.read_text("utf-8")) == wrong
            assert good.read_text("utf-8") == right
        else:
            assert (rule == "docs-invalid") == ("Wrong:" not in section)
    assert "# expect" not in page


def test_example_of_a_long_case_is_cut_around_what_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"key{number}: {number}" for number in range(40)]
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "good.yml").write_text("\n".join(lines))
    lines[9] += "  # expect: long"
    lines[12] += "  # expect: long"
    lines[30] += "  # expect: long"
    (tmp_path / "long" / "bad.yml").write_text("\n".join(lines))
    monkeypatch.setattr(examples, "_PLACES", (tmp_path / "nowhere", tmp_path))
    shown = ["# …", *(f"key{n}: {n}" for n in range(6, 16)), "# …", *(f"key{n}: {n}" for n in range(27, 34)), "# …"]
    assert examples.example("long", "bad") == "\n".join(shown) + "\n" == examples.example("long", "good")
    assert examples.example("short", "bad") is None


def test_every_command_and_option_is_listed() -> None:
    page = reference.commands_page()
    context = click.Context(main, info_name="build-catalog")
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        section = page.partition(f"## build-catalog {name} ")[2].partition("\n## ")[0]
        assert section
        for param in command.params:
            if isinstance(param, click.Option):
                assert f"`{param.opts[-1]}`" in section
            else:
                assert param.human_readable_name in section


def test_the_pages_are_the_same_every_time() -> None:
    assert reference.pages() == reference.pages()


def test_no_page_names_a_place_on_this_machine() -> None:
    for path, text in reference.pages().items():
        assert str(Path.home()) not in text, path
        assert "/tmp" not in text, path  # noqa: S108  it is what must not be there


def test_anchors_are_unique() -> None:
    for path, text in reference.pages().items():
        anchors = re.findall(r"\{#([^}]+)\}", text)
        assert len(anchors) == len(set(anchors)), path


def test_links_inside_a_page_lead_to_an_anchor() -> None:
    for path, text in reference.pages().items():
        anchors = set(re.findall(r"\{#([^}]+)\}", text))
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors, path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: "-".join(re.findall(r"[a-z_]+:", text)[:2]))
def test_an_example_is_part_of_a_valid_model_file(example: str, tmp_path: Path) -> None:
    parts = ["description: An example.\n", example]
    if not re.match(r"dlm:(data|inputs|architecture|runtime|outputs):", example):
        parts.append("dlm:architecture: {type: U-Net}\n")
    folder = tmp_path / "collection"
    folder.mkdir()
    (folder / "model.yml").write_text("".join(parts), encoding="utf-8")
    if example.startswith("assets:"):
        (folder / "unet.onnx").write_bytes(silent_bytes(4096))  # as long as the example says
    result = pipeline.check(pipeline.Settings(tmp_path))
    assert [d.message for d in result.diagnostics if d.severity == "error"] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("U-Net", "U-Net"),
        ("https://example.com/a", "https://example.com/a"),
        ("1.10", '"1.10"'),
        ("no", '"no"'),
        ("2024-05-01", "2024-05-01"),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("a,b", '"a,b"'),
        ([0.5, 1], "[0.5, 1]"),
        (True, "true"),
        ({"index": 0, "class_name": "water"}, "{index: 0, class_name: water}"),
    ],
)
def test_values_are_written_as_an_author_would(value: object, text: str) -> None:
    assert reference.to_yaml(value) == text


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"type": "integer", "minimum": 1}, "whole number, 1 or more"),
        ({"type": "number", "minimum": 0, "maximum": 100}, "number from 0 to 100"),
        ({"type": ["string", "boolean", "null"]}, "text, true or false or null"),
        ({"type": "array", "items": {"type": "integer", "minimum": 0}}, "list of whole numbers, 0 or more"),
        ({"enum": ["a", "b"]}, "one of `a`, `b`"),
        ({}, "anything"),
    ],
)
def test_kinds_are_said_in_words(node: dict[str, Any], words: str) -> None:
    assert reference.type_words(schema.Node(node, schema.MODEL_FILE)) == words
