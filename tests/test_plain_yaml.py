"""builder/plain_yaml.py: a text is not plain, or reads as it does by way of nodes."""

from __future__ import annotations

from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared import ROOT

from builder import document
from builder.document import MAX_DEPTH, MAX_NODES, parse
from builder.plain_yaml import read_plain

PIECES = st.sampled_from([
    "a", "b: ", "c: 1", "- ", "-", "? ", ": ", "\n", "\n  ", "\n    ", "\n- ", "[", "]", "{", "}", ", ", "yes", "010",
    "12:30", "1_000", "1.5", "-3", "0x1f", "1e5", ".inf", ".nan", "null", "~", "true", '"quoted"', "'it''s'", "é",
    "|\n    block\n", ">-\n    folded\n    text\n", "&x ", "*x", "!!str ", "! ", "!tag ", "<<: ", "# note\n", "---\n",
    "...\n", "%YAML 1.2\n", "2024-05-01", "99999999999999999999", "00000000000000000000000", "\t", "\u2028", "\x07",
    '"\\u00e9"', ":",
])  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=16).map("".join))
@example("")
@example("a: 1\na: 2")
@example("a: &x 1\nb: *x")
@example("a: {<<: {b: 1}, b: 2}")
@example('"<<": {b: 1}')
@example("a: 1\n---\nb: 2")
def test_plain_texts_read_as_by_way_of_nodes(text: str) -> None:
    read = parse("a.yml", text)
    with mock.patch.object(document, "read_plain", return_value=(False, None)):
        composed = parse("a.yml", text)
    assert repr(read) == repr(composed)  # by their text, as not-a-number is not itself


def test_limits_are_left_to_the_composer() -> None:
    assert read_plain(f"a: [{'1, ' * 50}]", 60, 5)[0]
    assert not read_plain(f"a: [{'1, ' * 50}]", 40, 5)[0]
    assert not read_plain("[" * 7 + "]" * 7, 100, 5)[0]
    deep = "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)
    assert [d.rule for d in parse("a.yml", deep)[1]] == ["yaml-syntax"]
    assert [d.rule for d in parse("a.yml", "- 1\n" * (MAX_NODES + 1))[1]] == ["yaml-syntax"]


def test_most_model_files_are_plain() -> None:
    files = sorted((ROOT / "catalog_src").glob("*/*.yml"))
    plain = [read_plain(file.read_text("utf-8"), MAX_NODES, MAX_DEPTH)[0] for file in files]
    assert sum(plain) > 0.9 * len(files)
