"""Reading: the data of YAML and JSON, the place of every key and value, and what hostile files cost."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared import ROOT

from builder import document as document_reader
from builder import pipeline, source
from builder.diagnostic import Diagnostic, Span
from builder.diagnostic import Path as DataPath
from builder.document import Document, parse
from builder.output import Artifact
from builder.pipeline import Settings
from builder.source import (
    Source,
    SourceFile,
    UnreadFile,
    find_root,
    find_source,
    read_document,
    read_text,
    shown_path,
)


def read(text: str, path: str = "model.yml") -> Document:
    document, diagnostics = parse(path, text)
    assert diagnostics == []
    assert document is not None
    return document


def refused(text: str, path: str = "model.yml") -> Diagnostic:
    document, diagnostics = parse(path, text)
    assert document is None
    (diagnostic,) = diagnostics
    assert (diagnostic.rule, diagnostic.severity) == ("yaml-syntax", "error")
    assert diagnostic.hint
    return diagnostic


def place(span: Span) -> tuple[int, int]:
    return span.line, span.column


def marked(document: Document, *path: str | int, key: bool = False) -> str:
    """The text under a span of one line."""
    span = document.locate(path, "key" if key else "value")
    assert span.line == span.end_line
    assert span.source_line == document_reader._line(document.text, span.line - 1).removeprefix("\ufeff")
    return span.source_line[span.column - 1 : span.end_column - 1]


def paths(data: Any, at: DataPath = ()) -> Iterator[DataPath]:
    """Every path in the data, the root's included."""
    yield at
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in items:
        yield from paths(value, (*at, step))


def assert_inside(span: Span, text: str) -> None:
    """The span begins and ends at characters of the text, or right behind the last of a line."""
    lines = re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text)
    assert 1 <= span.line <= span.end_line <= len(lines)
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
    assert (span.end_line, span.end_column) >= place(span)


# --- types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1,000", "1,000"),
        ("12:30", "12:30"),
        ("1.10", 1.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("1.5e+3", 1500.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        (".", "."),
        ("=", "="),
        ("'12'", "12"),
        ('"true"', "true"),
        ('""', ""),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!float 1.5", 1.5),
        ("|\n  12", "12"),
        (">-\n  1\n  2", "1 2"),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775809", "-9223372036854775809"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    data = read(f"key: {text}").data["key"] if text != "-" else read("[-]").data[0]
    assert data == value
    assert type(data) is type(value)


def test_not_a_number_is_read() -> None:
    assert math.isnan(read("key: .nan").data["key"])


def test_keys_are_text_as_written() -> None:
    data = read("1: a\n2.50: b\ntrue: c\nnull: d\n~: e\n2024-01-01: f\n'quoted': g").data
    assert list(data) == ["1", "2.50", "true", "null", "~", "2024-01-01", "quoted"]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("yes", "true or false"),
        ("NO", "true or false"),
        ("Off", "true or false"),
        ("12:30", "a number to base 60"),
        ("1:30:00.5", "a number to base 60"),
        ("010", "an octal number"),
        ("-07", "an octal number"),
        ("1_000", "a number"),
        ("9" * 30, "a number"),
        ("9" * 10_000, "a number"),
    ],
)
def test_what_older_readers_take_otherwise_is_noted(text: str, reading: str) -> None:
    assert read(f"a:\n  - {text}").ambiguous == ((("a", 0), reading),)
    assert read(f"a:\n  - '{text}'").ambiguous == ()
    assert read(f"a: |\n  {text}").ambiguous == ()


@pytest.mark.parametrize("text", ["true", "1.10", "1e3", "none", "0", "y", "n", "one_two", "12:61", "1.2.3", "a:b"])
def test_what_all_readers_agree_on_is_not_noted(text: str) -> None:
    assert read(f"key: {text}").ambiguous == ()


def test_only_the_scalars_that_are_used_are_noted() -> None:
    document = read("base: &base {tag: 010, level: yes}\nmodel: {<<: *base, tag: x}")
    assert document.ambiguous == (
        (("base", "tag"), "an octal number"),
        (("base", "level"), "true or false"),
        (("model", "level"), "true or false"),
    )


# --- duplicates and merges -------------------------------------------------------------------------------------------


def test_duplicate_key_is_found_with_the_first_one() -> None:
    document, (found,) = parse("model.yml", "a: 1\nb:\n  c: 1\n  'c': 2\n")
    assert document is not None
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert (found.rule, place(found.span)) == ("key-duplicate", (4, 3))
    assert [(place(span), text) for span, text in found.related] == [((3, 3), "first given here")]


def test_duplicate_key_of_an_aliased_mapping_is_found_once() -> None:
    _, diagnostics = parse("model.yml", "a: &a {x: 1, x: 2}\nb: *a\nc: {<<: *a}\n")
    assert [d.rule for d in diagnostics] == ["key-duplicate"]


def test_overriding_a_merged_key_is_no_duplicate() -> None:
    text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nmodel:\n  <<: [*one, *two]\n  a: 3\n"
    assert read(text).data["model"] == {"a": 3, "b": 1, "c": 2}


def test_quoted_merge_key_is_a_key() -> None:
    assert read("'<<': {a: 1}").data == {"<<": {"a": 1}}


def test_merging_anything_but_mappings_is_refused() -> None:
    assert refused("a: &a [1]\nb: {<<: *a}").message == "<< merges mappings only"


# --- places ----------------------------------------------------------------------------------------------------------

MODEL = """\
# A comment
title: Net  # another
"eo:bands":
  - {name: B1, common_name: 'blue'}
  - name:   "B2"
tags: [a, "b c",
  d]
text: |
  first
  second
plain: one
  two
empty:
"""


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_keys_and_values_are_located(start: str, break_: str) -> None:
    document = read(start + MODEL.replace("\n", break_))
    assert marked(document, "title") == "Net"
    assert marked(document, "title", key=True) == "title"
    assert marked(document, "eo:bands", key=True) == '"eo:bands"'
    assert marked(document, "eo:bands", 0, "common_name") == "'blue'"
    assert marked(document, "eo:bands", 0) == "{name: B1, common_name: 'blue'}"
    assert marked(document, "eo:bands", 1, "name") == '"B2"'
    assert marked(document, "eo:bands", 1, "name", key=True) == "name"
    assert marked(document, "tags", 1) == '"b c"'
    assert marked(document, "tags", 2) == "d"
    assert document.locate(("tags", 2)).line == 7


def test_block_mapping_is_located_at_its_first_line() -> None:
    document = read(MODEL)
    assert marked(document, "eo:bands", 1) == 'name:   "B2"'
    assert marked(document, "tags") == '[a, "b c",'
    assert marked(document, "text") == "|"


def test_plain_text_over_lines_is_located_as_a_whole() -> None:
    span = read(MODEL).locate(("plain",))
    assert (span.line, span.column, span.end_line, span.end_column) == (11, 8, 12, 6)


def test_value_that_is_empty_is_located_at_its_key() -> None:
    assert marked(read(MODEL), "empty") == "empty"


@pytest.mark.parametrize(
    ("path", "text"),
    [(("missing",), "title: Net  # another"), (("eo:bands", 7), '"eo:bands"'), (("eo:bands", 0, "gsd"), "name: B1")],
)
def test_what_is_missing_is_located_at_its_nearest_parent(path: DataPath, text: str) -> None:
    assert text in read(MODEL).locate(path).source_line


def test_beginning_of_a_file_is_located() -> None:
    assert place(read("").whole()) == (1, 1)
    assert place(read("").locate(("a", 1))) == (1, 1)


def test_columns_count_characters() -> None:
    document = read("a: {日本: '宽', 🛰️: \"é\u0301\", x: y}")
    assert marked(document, "a", "日本") == "'宽'"
    assert marked(document, "a", "🛰️") == '"é\u0301"'
    assert marked(document, "a", "x") == "y"


def test_tabs_count_as_one_column() -> None:
    assert marked(read("a:\tb\t# c"), "a") == "b"


def test_alias_is_located_where_its_anchor_is() -> None:
    document = read("base: &base {a: 1, b: [2]}\nmodel: *base\n")
    assert document.data["model"] == {"a": 1, "b": [2]}
    assert place(document.locate(("model", "b", 0))) == (1, 24)


def test_merged_value_is_located_where_it_is_written() -> None:
    document = read("base: &base {a: 1, b: 2}\nmodel:\n  <<: *base\n  b: 3\n")
    assert marked(document, "model", "a") == "1"
    assert document.locate(("model", "a")).line == 1
    assert marked(document, "model", "b") == "3"


@pytest.mark.parametrize(
    ("text", "path", "written"),
    [
        ("version: 1.10", ("version",), "1.10"),
        ("version: '1.10'", ("version",), "1.10"),
        ("a: [0o17, 010]", ("a", 1), "010"),
        ("a: [1]", ("a",), None),
        ("a: 1", ("b",), None),
        ("", ("b",), None),
    ],
)
def test_text_of_a_scalar_is_what_was_written(text: str, path: DataPath, written: str | None) -> None:
    assert read(text).source_text(path) == written


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_is_read_by_its_own_rules() -> None:
    data = read('{"a": "\\ud83d\\ude80\\/", "b": 1e3, "c": "2024-01-01", "d": "\x7f\ufeff"}', "model.json").data
    assert data == {"a": "🚀/", "b": 1000.0, "c": "2024-01-01", "d": "\x7f\ufeff"}


@pytest.mark.parametrize("text", ["a: 1", "{'a': 1}", '{"a": 1,}', '{"a": "\t"}', "{", "// a\n{}", ""])
def test_yaml_that_is_no_json_is_refused_as_json(text: str) -> None:
    assert refused(text, "model.json").hint == "the file is JSON because its name ends in .json"


def test_json_fault_is_located_behind_any_line_break() -> None:
    assert place(refused('{"a": 1,\r\n"b": "\u2028",\r"c": x}', "model.json").span) == (4, 6)


def test_json_values_are_located() -> None:
    text = '\t{"a": "\\ud83d\\ude80", \t"\\u00e9": [1,\r\n\t2], "big": 99999999999999999999, "d": "\x7f"}'
    document = read(text, "model.json")
    assert document.data == {"a": "🚀", "é": [1, 2], "big": "99999999999999999999", "d": "\x7f"}
    assert marked(document, "a") == '"\\ud83d\\ude80"'
    assert marked(document, "é", key=True) == '"\\u00e9"'
    assert marked(document, "é", 1) == "2"
    assert document.ambiguous == ()


def test_json_constants_are_numbers() -> None:
    data = read('{"a": [NaN, Infinity, -Infinity]}', "model.json").data["a"]
    assert math.isnan(data[0])
    assert data[1:] == [math.inf, -math.inf]


def test_duplicate_key_in_json_is_found() -> None:
    _, (found,) = parse("model.json", '{\n\t"a": 1,\n\t"a": 2\n}')
    assert (found.rule, place(found.span)) == ("key-duplicate", (3, 2))


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude80", "\\ude80\\ud83d", "\\\\\\ud83dx"])
def test_half_of_a_character_is_refused(half: str) -> None:
    found = refused(f'{{"a":\n  "{half}"}}', "model.json")
    assert found.message == "half of a character stands in the text"
    assert place(found.span) == (2, 4 if "\\\\" not in half else 6)


def test_escaped_backslash_is_no_escape() -> None:
    assert read('{"a": "\\\\ud83d"}', "model.json").data == {"a": "\\ud83d"}


# --- faults and limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        ("a: b: c", (1, 5), "mapping values are not allowed in this context", "quote a value that contains"),
        ("a:\n\tb: 1", (2, 1), "a tab stands where YAML wants spaces", "indent with spaces"),
        ("é: é\na: \x00", (2, 4), "a control character stands in the text", "remove it"),
        ("ab: \x07", (1, 5), "a control character stands in the text", "remove it"),
        ("a: *b", (1, 4), "found undefined alias", "quote a value that starts with *"),
        ("a: 1\nb\n", (3, 1), "could not find expected ':'", "a key without a colon"),
        ("a: [1, 2\nb: 3", (2, 2), "did not find expected ',' or ']'", "check the indentation and the quotes"),
        ('a: "b', (1, 6), "found unexpected end of stream", "check the indentation and the quotes"),
        ("a: 1\n---\nb: 2", (2, 1), "found another document", "check the indentation"),
        ("? [a]\n: b", (1, 3), "a key must be text", "write the key as plain text"),
        ('a: "\\ud83d"', (1, 7), "invalid Unicode character escape code", "check the indentation and the quotes"),
        ("a: \ud83d", (1, 4), "half of a character stands in the text", "write the whole character"),
    ],
)
def test_syntax_fault_is_located_and_explained(text: str, at: tuple[int, int], message: str, hint: str) -> None:
    found = refused(text)
    assert place(found.span) == at
    assert message in found.message
    assert hint in str(found.hint)


@pytest.mark.parametrize(
    "text",
    ["!!python/object:os.system {}", "!!python/name:os.system ''", "!!binary aGk=", "!custom [1]", "!!set {a, b}"],
)
@pytest.mark.parametrize("template", ["a: {}", "[{}]", "? {}\n: 1"])
def test_tags_that_are_not_data_are_refused(text: str, template: str) -> None:
    found = refused(template.format(text))
    assert "is not data" in found.message or "a key must be text" in found.message


def test_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "more than 50,000 values" in refused("\n".join(lines)).message


@pytest.mark.parametrize("use", ["*long", "{*long : 1}"])
def test_long_text_is_not_multiplied_by_aliases(use: str) -> None:
    text = f"a: &long {'x' * 100_000}\nb: [{', '.join([use] * 100)}]\n"
    assert "more than 5 MB of text" in refused(text).message


@pytest.mark.parametrize("text", ["&a [*a]", "&a {b: *a}", "&a {<<: *a}", "&a {b: &b {<<: [*a]}}"])
def test_alias_of_what_it_stands_in_is_refused(text: str) -> None:
    assert "deeper than 64 levels" in refused(f"x: {text}").message


def deep(form: str, depth: int) -> str:
    """Text that nests lists or mappings in one of the ways that YAML has for it."""
    match form:
        case "flow list":
            return "[" * depth + "]" * depth
        case "flow mapping":
            return "{a: " * depth + "}" * depth
        case "open brackets":
            return "[" * depth
        case "flow lines":
            return "[\n" * depth + "]\n" * depth
        case "block list":
            return "- " * depth + "x"
        case "block keys":
            return "? " * depth + "x"
        case "block lines":
            return "".join(f"{' ' * n}a:\n" for n in range(min(depth, 3000)))
        case "merges":
            return "{<<:\n" * depth + "{}" + "}\n" * depth
        case _:
            return '{"x": "\\ud83d\\ude80\x7f", "a":' * depth + "1" + "}" * depth


DEEP = ["flow list", "flow mapping", "open brackets", "flow lines", "block list", "block keys", "block lines", "merges"]
HOSTILE = {
    **{f"{form} {depth}": ("model.yml", deep(form, depth)) for form in DEEP for depth in (100, 900, 100_000)},
    **{f"JSON {form} {n}": ("model.json", deep(form, n)) for form in ("flow list", "json") for n in (900, 99_000)},
    "underscores": ("model.yml", "a: 1" + "_" * 4_000_000 + "x"),
    "digits": ("model.yml", "a: " + "9" * 4_000_000),
    "exponent": ("model.yml", "a: 1e" + "9" * 100_000 + "\nb: " + "1." * 100_000),
    "brackets in text": ("model.json", '{"a": "' + "[" * 1_000_000 + '"}'),
    "quotes": ("model.json", '"\\' * 1_000_000),
    "duplicates": ("model.yml", "a: 1\n" * 20_000),
    "bell": ("model.yml", "é" * 1_000_000 + "\x07"),
}  # fmt: skip
READ_ALL = """
import sys, json
from builder.document import parse
for path, text in json.load(sys.stdin):
    document, diagnostics = parse(path, text)
    print(len(diagnostics) if document is None else -1, flush=True)
"""


def test_hostile_texts_neither_crash_nor_hang() -> None:
    run = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input=json.dumps(list(HOSTILE.values())),
        capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.stderr == ""
    verdicts = dict(zip(HOSTILE, map(int, run.stdout.split()), strict=True))
    read_well = {"underscores", "digits", "exponent", "brackets in text", "duplicates"}
    assert {name for name, verdict in verdicts.items() if verdict == -1} == read_well


@pytest.mark.parametrize("form", [*DEEP[:2], "block lines"])
def test_nesting_up_to_the_limit_is_read(form: str) -> None:
    assert parse("model.yml", deep(form, document_reader.MAX_DEPTH))[0] is not None
    assert "deeper than 64 levels" in refused(deep(form, document_reader.MAX_DEPTH + 2)).message


def test_values_that_are_wanted_are_read_from_large_files() -> None:
    document = read("\n".join(f"k{n}: {n}" for n in range(20_000)))
    assert marked(document, "k19999") == "19999"


# --- files -----------------------------------------------------------------------------------------------------------


def test_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_text(tmp_path / "a.yml", "a.yml") == ("a: 1", [])


@pytest.mark.parametrize(
    ("raw", "message", "at"),
    [
        (b"a: 1\nb: \xe9\n", "the file is not UTF-8 text", (2, 4)),
        ("a: ü\nb: é".encode("utf-16"), "the file is not UTF-8 text", (1, 1)),
        (b"a: \xed\xa0\x80", "the file is not UTF-8 text", (1, 4)),
        (b"a: 1\n" + b"#" * document_reader.MAX_BYTES, "the file is larger than 5 MB", (1, 1)),
        (b"a: \0", "a control character stands in the text", (1, 4)),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, raw: bytes, message: str, at: tuple[int, int]) -> None:
    (tmp_path / "a.yml").write_bytes(raw)
    document, (found,) = read_document(tmp_path / "a.yml", "a.yml")
    assert document is None
    assert (found.message, place(found.span)) == (message, at)


def test_missing_file_is_a_finding(tmp_path: Path) -> None:
    document, (found,) = read_document(tmp_path / "a.yml", "a.yml")
    assert document is None
    assert found.message == "the file cannot be read: No such file or directory"


def write(root: Path, *paths: str, text: str = "description: An invented model.\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def test_source_folder_is_sorted_into_models_and_files(tmp_path: Path) -> None:
    write(
        tmp_path, "catalog.yml", "b/collection.yml", "b/net.yml", "b/net.onnx", "b/deep/er.yaml", "top.yml", "b/x.json"
    )
    write(tmp_path, "b/item.json", text='{"dlm:data": {}}')
    found = find_source(tmp_path)
    assert found.catalog is not None
    assert list(found.collections) == ["b"]
    assert [model.path for model in found.models] == ["b/deep/er.yaml", "b/item.json", "b/net.yml", "top.yml"]
    assert list(found.files) == ["b/net.onnx", "b/x.json"]
    assert found.diagnostics == ()
    file = found.files["b/net.onnx"]
    content = file.location.read_bytes()
    assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_hidden_files_and_those_about_the_folder_are_left_out(tmp_path: Path) -> None:
    hidden = [".a.yml", ".git/config.yml", "_draft.yml", "_drafts/a.yml", "README.md", "b/LICENSE", "b/readme.de.md"]
    write(tmp_path, *hidden, "b/a.yml")
    found = find_source(tmp_path)
    assert [model.path for model in found.models] == ["b/a.yml"]
    assert found.files == {}


def test_one_file_is_read_with_its_settings_only(tmp_path: Path) -> None:
    write(tmp_path, "catalog.yml", "b/collection.yml", "b/one.yml", "b/two.yml")
    found = find_source(tmp_path, only=tmp_path / "b" / "one.yml")
    assert [model.path for model in found.models] == ["b/one.yml"]
    assert found.catalog is not None
    assert list(found.collections) == ["b"]


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "source"
    write(root, "b/a.yml", "b/a.onnx")
    write(tmp_path, "secret.yml", "outside/secret.yml")
    (root / "b" / "secret.yml").symlink_to(tmp_path / "secret.yml")
    (root / "b" / "up").symlink_to(tmp_path / "outside")
    (root / "b" / "again").symlink_to(root)
    (root / "b" / "loop.yml").symlink_to("loop.yml")
    (root / "b" / "broken.yml").symlink_to("nowhere.yml")
    (root / "b" / "same.onnx").symlink_to("a.onnx")
    found = find_source(root)
    assert [model.path for model in found.models] == ["b/a.yml"]
    assert list(found.files) == ["b/a.onnx", "b/same.onnx"]


def test_unreadable_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a.yml")
    (tmp_path / "b.yml").write_bytes(b"\xff")
    found = find_source(tmp_path)
    assert [model.path for model in found.models] == ["a.yml"]
    assert [d.message for d in found.diagnostics] == ["the file is not UTF-8 text"]


def test_root_of_a_model_file_is_the_folder_of_the_catalog(tmp_path: Path) -> None:
    write(tmp_path, "source/b/c/a.yml")
    location = tmp_path / "source" / "b" / "c" / "a.yml"
    assert find_root(location) == location.parent
    write(tmp_path, "source/b/c/collection.yml")
    assert find_root(location) == tmp_path / "source" / "b"
    write(tmp_path, "source/catalog.yml")
    assert find_root(location) == tmp_path / "source"


def test_texts_of_many_files_do_not_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write(tmp_path, f"c/m{number}.yml", text=f"\ufeffdescription: Model {number}.\r\n")
    few = find_source(tmp_path)
    monkeypatch.setattr(source, "MANY", 1)
    many = find_source(tmp_path)
    assert [type(file) for file in many.models] == [SourceFile, UnreadFile, UnreadFile, UnreadFile]
    for one, other in zip(many.models, few.models, strict=True):
        assert (one.path, one.shown, one.text, one.sha256) == (other.path, other.shown, other.text, other.sha256)
    assert pipeline.build(Settings(tmp_path)).artifacts == _built(tmp_path, few, monkeypatch)
    (tmp_path / "c" / "m2.yml").write_text("description: Another.")
    with pytest.raises(OSError, match="was changed while the site was built"):
        _ = many.models[2].text


def _built(folder: Path, found: Source, monkeypatch: pytest.MonkeyPatch) -> tuple[Artifact, ...]:
    monkeypatch.setattr(pipeline, "find_source", lambda *_, **__: found)
    return pipeline.build(Settings(folder)).artifacts


def test_paths_are_shown_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "a" / "b.yml") == "a/b.yml"
    assert shown_path(tmp_path.parent / "b.yml") == (tmp_path.parent / "b.yml").as_posix()


# --- any text --------------------------------------------------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    ["a", "b: ", ": ", "- ", "? ", "\n", "\n  ", "\n\t", "\r\n", "[", "]", "{", "}", ",", "&x ", "*x", "<<: ", "'", '"',
     "|\n", ">-\n", "#", " ", "!!str ", "!y ", "010", "1.5", "~", "é", "日本", "🛰", "\u2028", "\x85", "\ufeff", "---\n",
     "...\n", "%YAML 1.2\n", "\\u00e9", "\\ud83d", "\x00", "`", "@", "null", '"a": ', "\\"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(FRAGMENTS, max_size=40).map("".join))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(text=TEXTS, name=st.sampled_from(["model.yml", "model.json"]))
@example(text="a: &a {<<: *a}", name="model.yml")
@example(text="\ufeff- [", name="model.yml")
@example(text='{"a": "\x7f", "a": 1}', name="model.json")
@settings(max_examples=600, deadline=None)
def test_any_text_gives_a_document_or_diagnostics_whose_places_exist(text: str, name: str) -> None:
    document, diagnostics = parse(name, text)
    assert document is not None or diagnostics
    for found in diagnostics:
        assert_inside(found.span, text)
    if document is not None:
        for path in paths(document.data):
            assert_inside(document.locate(path), text)
            assert_inside(document.locate(path, "key"), text)
            assert_inside(document.locate((*path, "missing", 3)), text)
        for path, _ in document.ambiguous:
            assert path in set(paths(document.data))


@given(raw=st.one_of(st.binary(), TEXTS.map(lambda text: text.encode("utf-8", "replace") + b"\xe9")))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_document_or_diagnostics(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    location = tmp_path_factory.getbasetemp() / "any.yml"
    location.write_bytes(raw)
    document, diagnostics = read_document(location, "any.yml")
    assert document is not None or diagnostics


@given(data=JSON)
@settings(max_examples=200, deadline=None)
def test_json_text_gives_its_data(data: Any) -> None:
    text = json.dumps(data)
    read_back, diagnostics = parse("model.json", text)
    assert diagnostics == []
    assert read_back is not None
    expected = json.loads(text, parse_int=lambda digits: int(digits) if abs(int(digits)) < 2**63 else digits)
    assert repr(read_back.data) == repr(expected)
