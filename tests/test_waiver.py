"""Waivers in comments, and severities in the catalog file: what they silence, and what they must not."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared import ROOT
from sources import MINIMAL, build_files, write

from builder import pipeline
from builder.check import check_model
from builder.diagnostic import Diagnostic
from builder.document import parse
from builder.rules import RULES
from builder.source import SourceFile
from builder.waiver import find_waivers

ABOUT_WAIVERS = ("waiver-invalid", "waiver-unused")


def found(text: str, shown: str = "net.yml") -> list[tuple[str, int]]:
    """Rule and line of errors and warnings in a model file, the lines of what every model needs not counted."""
    diagnostics = check_model(SourceFile(f"land/{shown}", shown, MINIMAL + text), None, {}).diagnostics
    return sorted((d.rule, d.span.line - 2) for d in diagnostics if d.severity != "note")


def folder(place: Path, files: dict[str, str]) -> list[Diagnostic]:
    """Errors and warnings of a source folder."""
    made = pipeline.check(pipeline.Settings(write(place, files)))
    return [d for d in made.diagnostics if d.severity != "note"]


def places(diagnostics: list[Diagnostic]) -> list[tuple[str, str, int]]:
    return [(Path(d.span.file).name, d.rule, d.span.line) for d in diagnostics]


# --- what is waived --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "license: various  # catalog: ignore[license-spdx] from the first publication\n",
        "license: various # catalog:ignore[ license-spdx ]reason\n",
        "license: various #catalog: ignore[license-spdx]: reason\r\n",
        "license: various\t#\tcatalog:\tignore[license-spdx]\treason",
        "# catalog: ignore[license-spdx] reason\nlicense: various\n",
        "# catalog: ignore[license-spdx] reason\n\n# another comment\n\nlicense: various\n",
        "# catalog: ignore[license-spdx] one\n# catalog: ignore[value-ambiguous] two\n{license}license: various\n",
        "# see above; catalog: ignore\n# catalog: ignore[license-spdx] reason\nlicense: various\n",
        "card:\n  use: |  # catalog: ignore[value-ambiguous] not on this line\n    text\nlicense: various\n",
        "# über 宽 🛰\n# catalog: ignore[license-spdx] ünüblich\nlicense: various\n",
    ],
)
def test_finding_at_the_line_is_waived(text: str) -> None:
    left = [rule for rule, _ in found(text.replace("{license}", ""))]
    expected = ["license-spdx", "waiver-unused"] if "not on this line" in text else []
    assert left == (["waiver-unused"] if "] two" in text else expected)


def test_one_comment_waives_several_rules() -> None:
    text = "# catalog: ignore[license-spdx, value-ambiguous] reason\n"
    assert found(f"{text}properties: {{license: various, version: 1.10}}\n") == []
    assert found(f"{text}license: various\nversion: 1.10\n") == [("value-ambiguous", 3), ("waiver-unused", 1)]


def test_all_findings_of_the_rule_at_the_line_are_waived() -> None:
    assert found("keywords: [NO, 1.10, on]  # catalog: ignore[value-ambiguous] reason\n") == []


def test_errors_can_be_waived() -> None:
    text = "gsd: -1  # catalog: ignore[value-range] below the ground\n"
    checked = check_model(SourceFile("land/net.yml", "net.yml", MINIMAL + text), None, {})
    assert checked.model is not None
    assert "gsd" not in checked.model.fields


def test_what_the_whole_file_lacks_is_waived_at_its_first_line() -> None:
    about = check_model(SourceFile("land/net.yml", "net.yml", MINIMAL), None, {}).diagnostics
    rules = ", ".join(d.rule for d in about)
    assert "weights-missing" in rules
    text = f"# about the file\n\n# catalog: ignore[{rules}] nothing is known\n\n{MINIMAL}"
    diagnostics = check_model(SourceFile("land/net.yml", "net.yml", text), None, {}).diagnostics
    assert [d.rule for d in diagnostics] == []


@pytest.mark.parametrize(
    "text",
    [
        'title: "# catalog: ignore[license-spdx] reason"\nlicense: various\n',
        "title: 'it # catalog: ignore[license-spdx] reason'\nlicense: various\n",
        "title: a#catalog: ignore[license-spdx] reason\n",
        "card:\n  use: |\n    # catalog: ignore[license-spdx] reason\nlicense: various\n",
        "card:\n  use: >-\n    text\n    # catalog: ignore[license-spdx] reason\n\nlicense: various\n",
        '"# catalog: ignore[license-spdx] reason": 5\nlicense: various\n',
        "card:\n  use: \"a\n    # catalog: ignore[license-spdx] reason\n    b\"\nlicense: various\n",
        "#\n#catalog\n# catalogs: ignore[license-spdx] reason\n# catalog: ignored\nlicense: various\n",
    ],
)  # fmt: skip
def test_text_that_looks_like_a_waiver_is_none(text: str) -> None:
    document, _ = parse("net.yml", text)
    assert document is None or find_waivers(document) == ([], [])
    if "license: various" in text:
        assert "license-spdx" in [rule for rule, _ in found(text)]


def test_comment_after_a_block_of_text_is_one() -> None:
    text = "card:\n  use: |\n    text\n# catalog: ignore[license-spdx] reason\nlicense: various\n"
    assert found(text) == []


def test_json_has_no_comments() -> None:
    text = '{"description": "# catalog: ignore[no-such-rule]", "dlm:architecture": {"type": "x"}, "license": "various"}'
    diagnostics = check_model(SourceFile("land/net.json", "net.json", text), None, {}).diagnostics
    assert [d.rule for d in diagnostics if d.severity != "note"] == ["license-spdx"]


# --- what is wrong with a waiver -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "message", "hint"),
    [
        ("ignore[license-spdx]", "the waiver gives no reason", "write why after the bracket"),
        ("ignore[license-spdx]   ", "the waiver gives no reason", "write why after the bracket"),
        ("ignore this", "the waiver names no rule", "# catalog: ignore[rule-id] reason"),
        ("ignore[] reason", "the waiver names no rule", "# catalog: ignore[rule-id] reason"),
        ("ignore[ , ] reason", "the waiver names no rule", "# catalog: ignore[rule-id] reason"),
        ("ignore[licence-spdx] reason", "there is no rule licence-spdx", "did you mean license-spdx"),
        ("ignore[xyzzy] reason", "there is no rule xyzzy", "lists all of them"),
        ("ignore[license-spdx", "the waiver names no rule", "# catalog: ignore[rule-id] reason"),
    ],
)
def test_fault_of_a_waiver_is_explained_at_it(comment: str, message: str, hint: str) -> None:
    text = MINIMAL + f"license: various  # catalog: {comment}\n"
    diagnostics = check_model(SourceFile("land/net.yml", "net.yml", text), None, {}).diagnostics
    (fault,) = (d for d in diagnostics if d.rule == "waiver-invalid" and d.message == message)
    assert hint in (fault.hint or "")
    assert (fault.span.line, fault.span.column) == (3, 19)
    assert any(d.rule == "license-spdx" for d in diagnostics), "what is not in its form waives nothing"


@pytest.mark.parametrize("rule", sorted(rule.id for rule in RULES.values() if rule.binding))
def test_binding_rule_cannot_be_waived(rule: str) -> None:
    assert ("waiver-invalid", 1) in found(f"gsd: 10  # catalog: ignore[{rule}] please\n")


def test_waived_error_without_which_nothing_can_be_published_stays() -> None:
    text = "assets: {a: {href: nowhere.onnx}}  # catalog: ignore[link-broken] it is at home\n"
    assert found(text) == [("link-broken", 1), ("waiver-invalid", 1)]


def test_waiver_that_waives_nothing_is_reported() -> None:
    assert found("gsd: 10  # catalog: ignore[value-range] reason\n") == [("waiver-unused", 1)]
    assert found("license: various\n# catalog: ignore[license-spdx] too late\n") == [
        ("license-spdx", 1), ("waiver-unused", 2)
    ]  # fmt: skip


# --- inherited values ------------------------------------------------------------------------------------------------


DEFAULTS = "defaults:\n  license: various  # catalog: ignore[license-spdx] all of them are mixed\n"


def test_inherited_finding_is_waived_where_it_is_written(tmp_path: Path) -> None:
    assert folder(tmp_path, {"c/collection.yml": DEFAULTS, "c/a.yml": MINIMAL, "c/b.yml": MINIMAL}) == []


def test_waiver_in_a_collection_file_that_no_model_needs_is_reported(tmp_path: Path) -> None:
    files = {"c/collection.yml": DEFAULTS, "c/a.yml": MINIMAL + "license: MIT\n"}
    assert places(folder(tmp_path, files)) == [("collection.yml", "waiver-unused", 2)]
    assert places(folder(tmp_path, {**files, "c/b.yml": MINIMAL})) == []
    assert places(folder(tmp_path, {**files, "c/b.yml": "a: ["})) == [("b.yml", "yaml-syntax", 1)]


def test_waiver_of_a_model_says_nothing_about_its_collection_file(tmp_path: Path) -> None:
    text = "# catalog: ignore[license-spdx] not written here\n" + MINIMAL
    files = {"c/collection.yml": "defaults: {license: various}\n", "c/a.yml": text}
    assert places(folder(tmp_path, files)) == [("a.yml", "waiver-unused", 1), ("collection.yml", "license-spdx", 1)]


def test_settings_files_have_waivers_for_themselves(tmp_path: Path) -> None:
    files = {
        "catalog.yml": "title: 1.10  # catalog: ignore[value-ambiguous] a version\n",
        "c/collection.yml": "title: NO  # catalog: ignore[value-ambiguous] a country\n",
        "c/a.yml": MINIMAL,
    }
    assert folder(tmp_path, files) == []


@pytest.mark.parametrize("name", ["catalog.yml", "c/collection.yml"])
def test_fault_of_a_waiver_in_a_settings_file_is_told_once(name: str, tmp_path: Path) -> None:
    files = {name: "title: x  # catalog: ignore[titel]\n", "c/a.yml": MINIMAL, "c/b.yml": MINIMAL}
    assert places(folder(tmp_path, files)) == [(Path(name).name, "waiver-invalid", 1)]
    files[name] = "title: x  # catalog: ignore[value-empty] reason\n"
    assert places(folder(tmp_path, files)) == [(Path(name).name, "waiver-unused", 1)]


def test_missing_address_of_the_site_can_be_waived(tmp_path: Path) -> None:
    text = "# catalog: ignore[extension-unresolvable] a test catalog\ntitle: x\n"
    write(tmp_path, {"catalog.yml": text, "c/a.yml": MINIMAL})
    made = pipeline.check(pipeline.Settings(tmp_path))
    assert [d for d in made.diagnostics if d.rule in ("extension-unresolvable", *ABOUT_WAIVERS)] == []


# --- severities ------------------------------------------------------------------------------------------------------


def graded(place: Path, rules: str, text: str = MINIMAL) -> pipeline.Build:
    return build_files(place, {"catalog.yml": f"rules: {{{rules}}}\n", "c/a.yml": text})


FAULTY = MINIMAL + "licence: MIT\ngsd: -1\ndlm:outputs: {task: detection}\n"


def test_model_whose_errors_are_graded_down_is_published(tmp_path: Path) -> None:
    assert graded(tmp_path, "", FAULTY).failed
    made = graded(tmp_path, "key-unknown: warning, value-range: note, value-choice: off", FAULTY)
    assert not made.failed
    assert made.library is not None
    rules = {d.rule: d.severity for d in made.diagnostics}
    assert rules["key-unknown"] == "warning"
    assert rules["value-range"] == "note"
    assert "value-choice" not in rules
    (entry,) = made.library.entries
    assert "gsd" not in entry.item["properties"]
    assert "licence" not in entry.item["properties"]


def test_note_can_be_made_an_error(tmp_path: Path) -> None:
    made = graded(tmp_path, "license-missing: error")
    assert made.failed
    assert made.library is None


def test_rule_that_is_turned_off_is_silent_in_all_files(tmp_path: Path) -> None:
    rules = "extension-unresolvable: off, file-unknown: off, value-ambiguous: off"
    write(tmp_path, {"notes.txt": "x", "c/collection.yml": "title: 1.10\n"})
    made = graded(tmp_path, rules, MINIMAL + "version: 1.10\n")
    assert {d.rule for d in made.diagnostics} & {"extension-unresolvable", "file-unknown", "value-ambiguous"} == set()
    assert not made.failed


@pytest.mark.parametrize("rule", sorted(rule.id for rule in RULES.values() if rule.binding))
def test_binding_rule_keeps_its_severity(rule: str, tmp_path: Path) -> None:
    made = build_files(tmp_path, {"catalog.yml": f"title: x\nrules:\n  {rule}: off\n", "c/a.yml": MINIMAL})
    (refused,) = (d for d in made.diagnostics if d.severity == "error")
    assert (refused.rule, refused.span.line, refused.span.column) == ("value-choice", 3, 3)
    assert refused.message == f"{rule} keeps its severity"


def test_rule_that_does_not_exist_is_named_with_one_that_does(tmp_path: Path) -> None:
    made = build_files(tmp_path, {"catalog.yml": "rules:\n  licence-spdx: off\n  xyzzy: off\n", "c/a.yml": MINIMAL})
    refused = [d for d in made.diagnostics if d.severity == "error"]
    assert [(d.rule, d.span.line, d.message) for d in refused] == [
        ("key-unknown", 2, "there is no rule licence-spdx"), ("key-unknown", 3, "there is no rule xyzzy")
    ]  # fmt: skip
    assert "did you mean license-spdx" in (refused[0].hint or "")


@pytest.mark.parametrize("value", ["of", "true", "[off]", "5", ""])
def test_severity_that_does_not_exist_is_refused(value: str, tmp_path: Path) -> None:
    made = build_files(tmp_path, {"catalog.yml": f"rules:\n  license-spdx: {value}\n", "c/a.yml": MINIMAL})
    rules = [d.rule for d in made.diagnostics if d.severity != "note"]
    assert rules == ["value-choice"]


def test_the_real_catalog_waives_with_reasons() -> None:
    for path in (ROOT / "catalog_src").rglob("*.yml"):
        document, _ = parse(path.name, path.read_text("utf-8"))
        assert document is not None
        waivers, faults = find_waivers(document)
        assert faults == []
        assert all(len(waiver.reason) > 20 for waiver in waivers), path
