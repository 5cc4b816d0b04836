"""Did-you-mean: for every key, word, license, band name and rule; at most five, and never all that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from click.testing import CliRunner
from sources import MINIMAL

from builder import schema
from builder.check import check_model, check_settings_file
from builder.cli import main
from builder.diagnostic import Diagnostic
from builder.rules import RULES
from builder.source import SourceFile

MOST = 5
# A place in a model file for each key whose value must be one of a few words.
PLACES = {
    "process_level": "dlm:data: {process_level: WORD}",
    "dtype": "dlm:data: {dtype: WORD}",
    "nodata_value": "dlm:data: {nodata_value: WORD}",
    "task": "dlm:outputs: {task: WORD}",
    "type": "geometry: {coordinates: [0, 0], type: WORD}",
    "roles": "providers: [{name: A, roles: [WORD]}]",
    "common_name": "eo:bands: [{name: a, common_name: WORD}]",
    "dir": "language: {code: fr, dir: WORD}",
    "file:byte_order": "assets: {a: {href: https://example.com/a, 'file:byte_order': WORD}}",
}


def findings(text: str) -> list[Diagnostic]:
    return list(check_model(SourceFile("land/net.yml", "net.yml", MINIMAL + text + "\n"), None, {}).diagnostics)


def enums(node: Any, key: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every list of words in a schema, with the key whose value they are for."""
    if isinstance(node, Mapping):
        if "enum" in node:
            yield key, [str(word) for word in node["enum"]]
        for name, inner in node.get("properties", {}).items():
            yield from enums(inner, name)
        for name, inner in node.items():
            if name not in ("properties", "if", "summaries"):
                yield from enums(inner, name if key == "" or name not in ("items", "then", "else") else key)
    elif isinstance(node, list):
        for inner in node:
            yield from enums(inner, key)


ENUMS = {
    key: words
    for uri in (schema.MODEL_FILE, schema.DLM)
    for key, words in enums(schema.load(uri))
    if words != ["Feature", "Collection"]
}


def suggested(hint: str | None, words: list[str]) -> list[str]:
    """Which of the words a hint names."""
    rest, named = hint or "", []
    for word in sorted(words, key=len, reverse=True):
        if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", rest):
            named.append(word)
            rest = rest.replace(word, "", 1)
    return named


def test_every_enum_of_the_schemas_has_a_place() -> None:
    assert set(ENUMS) == set(PLACES)
    assert max(map(len, ENUMS.values())) > 3 * MOST


@pytest.mark.parametrize("key", PLACES)
def test_wrong_word_gets_few_suggestions(key: str) -> None:
    words = ENUMS[key]
    for wrong in ("xyzzy", *(word[:-1] + "q" for word in words), *(word + "s" for word in words)):
        if wrong in words:
            continue
        found = [d for d in findings(PLACES[key].replace("WORD", f'"{wrong}"')) if f"“{wrong}”" in d.message]
        assert found, wrong
        for diagnostic in found:
            assert diagnostic.hint
            assert 1 <= len(suggested(diagnostic.hint, words)) <= MOST, diagnostic.hint
            assert len(suggested(diagnostic.message, words)) <= 1, diagnostic.message


@pytest.mark.parametrize("key", [key for key in PLACES if key not in ("nodata_value", "roles")])
def test_mistyped_word_is_recognised(key: str) -> None:
    for word in ENUMS[key]:
        if len(word) > 3 and (wrong := word[:2] + "x" + word[2:]) not in ENUMS[key]:
            (hint,) = (d.hint for d in findings(PLACES[key].replace("WORD", f'"{wrong}"')) if wrong in d.message)
            assert hint is not None
            assert hint.startswith("did you mean ")
            assert word in hint or word.lower() in hint


def objects(uri: str) -> Iterator[tuple[str, list[str]]]:
    """Every closed object of a schema that has a name: its name and its keys."""
    for name, node in schema.load(uri)["definitions"].items():
        if node.get("additionalProperties") is False:
            yield name, list(node["properties"])


INSIDE = {
    "data": "dlm:data: {KEY: 1}", "band": "dlm:data: {useful_bands: [{KEY: 1}]}", "input": "dlm:inputs: {KEY: 1}",
    "tensor": "dlm:inputs: {input_tensors: {KEY: 1}}", "architecture": "dlm:architecture: {KEY: 1}",
    "runtime": "dlm:runtime: {KEY: 1}", "docker": "dlm:runtime: {docker: {image_name: x, KEY: 1}}",
    "output": "dlm:outputs: {KEY: 1}",
}  # fmt: skip


@pytest.mark.parametrize("text", ["KEY: 1", *INSIDE.values()])
@pytest.mark.parametrize("wrong", ["xyzzy", "dlm:xyzzy", "sci:xyzzy", "eo:xyzzy"])
def test_key_that_is_like_none_gets_few_suggestions(text: str, wrong: str) -> None:
    known = {key for uri in (schema.MODEL_FILE, schema.DLM) for _, keys in objects(uri) for key in keys}
    known |= set(schema.load(schema.MODEL_FILE)["properties"])
    for found in (d for d in findings(text.replace("KEY", wrong).replace(MINIMAL, "")) if d.rule == "key-unknown"):
        assert found.hint
        assert len(suggested(found.hint, sorted(known))) <= MOST


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("licence: MIT", "did you mean license?"),
        ("dlm:input: {}", "did you mean dlm:inputs?"),
        ("dlm:data: {number_of_band: 3}", "did you mean number_of_bands?"),
        ("dlm:outputs: {tsak: regression}", "did you mean task?"),
        ("dlm:inputs: {'normalisation:mean': [1]}", "did you mean normalization:mean?"),
        ("eo:bands: [{name: a, comon_name: red}]", "did you mean common_name?"),
    ],
)
def test_mistyped_key_is_recognised(text: str, hint: str) -> None:
    assert hint in [d.hint for d in findings(text) if d.rule == "key-unknown"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Apache2", "Apache-2.0"),
        ("CC-BY", "CC-BY-4.0"),
        ("GPL3", "GPL-3.0"),
        ("MITT", "MIT"),
        ("BSD-3", "BSD-3-Clause"),
    ],
)
def test_mistyped_license_is_recognised(written: str, meant: str) -> None:
    (found,) = (d for d in findings(f"license: {written}") if d.rule == "license-spdx")
    assert found.hint is not None
    assert meant in found.hint
    assert found.hint.count(" or ") < MOST


@pytest.mark.parametrize("license_", ["xyzzy", "ours", "1", "-"])
def test_license_like_none_gets_no_list(license_: str) -> None:
    (found,) = (d for d in findings(f'license: "{license_}"') if d.rule == "license-spdx")
    assert len(found.hint or "") < 100


@pytest.mark.parametrize("rule", RULES)
def test_mistyped_rule_is_recognised_wherever_one_is_named(rule: str) -> None:
    wrong = rule[:-1] + ("x" if rule[-1] != "x" else "y")
    explained = CliRunner().invoke(main, ["check", "--explain", wrong])
    assert explained.exit_code == 2
    (waived,) = (d for d in findings(f"gsd: 1  # catalog: ignore[{wrong}] why") if d.rule == "waiver-invalid")
    for hint in (explained.stderr, waived.hint or ""):
        assert rule in hint
        assert len([name for name in RULES if re.search(rf"(?<![\w-]){name}(?![\w-])", hint)]) <= MOST


def test_settings_files_have_suggestions_too() -> None:
    for uri, text, hint in (
        (schema.CATALOG_FILE, "titel: x\n", "did you mean title?"),
        (schema.COLLECTION_FILE, "default: {}\n", "did you mean defaults?"),
        (schema.CATALOG_FILE, "rules: {mean-length: warn}\n", "did you mean warning?"),
    ):
        assert [d.hint for d in check_settings_file(SourceFile("x.yml", "x.yml", text), uri)[1]] == [hint]


# --- one finding for one fault ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (
            "dlm:inputs: {selected_band: [0, 1], 'normalization:mean': [0.1], 'normalization:std': [0.1, 0.2]}",
            ["mean-length"],
        ),
        (
            "dlm:inputs: {selected_band: [0, 1], 'normalization:mean': [0.1, 1], 'normalization:std': [0.1]}",
            ["std-length"],
        ),
        ("dlm:inputs: {'normalization:mean': [0.1, 1], 'normalization:std': [0.1]}", ["std-length"]),
        ("dlm:outputs: {task: detection}", ["value-choice"]),
        ("dlm:outputs: {tsak: regression}", ["key-unknown"]),
        ("licence: MIT", ["key-unknown"]),
        ("license: [MIT]", ["value-type"]),
        ("box: [0, 0, 1, 1]", ["key-unknown"]),
        ("bbox: [0, 0, 1]", ["value-range"]),
        ("datetime: yesterday", ["value-format"]),
        ("sci:doi: nothing", ["doi-syntax"]),
        ("sci:publications: [{doi: nothing}]", ["doi-syntax"]),
        ("assets: {w: {href: [x], roles: [weights]}}", ["value-type"]),
        ("asset: {w: {href: https://example.com/a.onnx, roles: [weights]}}", ["key-unknown"]),
        ("dlm:runtime: {model_src_url: https://example.com, model_commit_hash: [x]}", ["value-type"]),
    ],
)  # fmt: skip
def test_fault_is_told_once(text: str, rules: list[str]) -> None:
    plain = {d.rule for d in findings("")}
    others = {"section-missing", "mlm-missing"}  # about other keys
    added = [d.rule for d in findings(text) if d.rule not in plain | others]
    assert added == rules
    about = {"licen": "license-missing", "task": "task-missing", "box": "extent-missing", "datetime": "time-missing",
             "sci:": "citation-missing", "asset": "weights-missing", "commit": "commit-missing"}  # fmt: skip
    left = {d.rule for d in findings(text)}
    assert not [rule for word, rule in about.items() if word in text and rule in left]


def test_other_things_that_are_missing_are_still_told() -> None:
    rules = {d.rule for d in findings("licence: MIT\ndlm:outputs: [{task: detection}, {number_of_classes: 2}]")}
    assert {"citation-missing", "extent-missing", "weights-missing", "section-missing", "task-missing"} <= rules
    assert "license-missing" not in rules


def test_sections_that_are_missing_are_named_beside_a_wrong_one() -> None:
    (found,) = (d for d in findings("dlm:data: {dtype: byte8, number_of_bands: 3}") if d.rule == "section-missing")
    assert found.message == "dlm:inputs and dlm:runtime are not stated"
