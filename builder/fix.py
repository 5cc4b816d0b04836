"""Fixes: changes to an author's text that a rule is sure of, made where the text needs them and nowhere else.

A rule names a fix symbolically: what to do at which path. `to_edits` turns it into replacements in the text, which keep
comments, order, quoting and line breaks because everything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from builder.diagnostic import Edit, Fix, Path
from builder.document import Document

_PLAIN_ENOUGH = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/+-]*(?<! )")


def to_edits(document: Document, path: Path, fix: Fix) -> tuple[Edit, ...]:
    """The replacements that make a fix at a path of a document; none where its form leaves no safe way."""
    found = document.nodes(path)
    if found is None:
        return ()
    key, node = found
    if fix.kind == "key":
        return () if key is None else (_rewritten(document, key, fix.text),)
    if fix.kind == "value":
        return (_rewritten(document, node, fix.text),) if isinstance(node, yaml.ScalarNode) else ()
    if fix.kind == "quote":
        return _quoted(document, node)
    if fix.kind == "close-ring":
        return _closed(document, node) if isinstance(node, yaml.SequenceNode) else ()
    return _unlisted(document, node) if isinstance(node, yaml.SequenceNode) else ()


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made; of edits that overlap, the first."""
    parts, position = [], 0
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end)):
        if edit.start < position:
            continue
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def _rewritten(document: Document, node: yaml.ScalarNode, text: str) -> Edit:
    """The scalar with another text, in the quotes it had."""
    start, end = node.start_mark.index, node.end_mark.index
    quote = document.text[start : start + 1]
    if quote in ("'", '"') and document.text[end - 1 : end] == quote:
        return Edit(document.path, start, end, f"{quote}{text}{quote}")
    plain = text if _PLAIN_ENOUGH.fullmatch(text) else f'"{text}"'
    return Edit(document.path, start, end, plain)


def _quoted(document: Document, node: yaml.Node) -> tuple[Edit, ...]:
    start, end = node.start_mark.index, node.end_mark.index
    written = document.text[start:end]
    if not isinstance(node, yaml.ScalarNode) or written != node.value or '"' in written or "\\" in written:
        return ()
    return (Edit(document.path, start, end, f'"{written}"'),)


def _closed(document: Document, ring: yaml.SequenceNode) -> tuple[Edit, ...]:
    """The first position of a ring again at its end, in the style of the first."""
    if not ring.value or not isinstance(ring.value[0], yaml.SequenceNode):
        return ()
    text, first = document.text, ring.value[0]
    if not all(isinstance(number, yaml.ScalarNode) for number in first.value):
        return ()
    numbers = [text[number.start_mark.index : number.end_mark.index] for number in first.value]
    if ring.flow_style:
        end = ring.end_mark.index - 1
        before = text[:end].rstrip()
        comma = "" if before.endswith(",") else ","
        return (Edit(document.path, len(before), len(before), f"{comma} [{', '.join(numbers)}]"),)
    indent = " " * ring.start_mark.column
    if first.flow_style:
        lines = [f"{indent}- [{', '.join(numbers)}]"]
    else:
        lines = [f"{indent}- - {numbers[0]}", *(f"{indent}  - {number}" for number in numbers[1:])]
    at = _line_end(text, _last_leaf(ring).end_mark.index)
    newline = _newline(text)
    return (Edit(document.path, at, at, newline + newline.join(lines)),)


def _unlisted(document: Document, assets: yaml.SequenceNode) -> tuple[Edit, ...]:
    """A block list of mappings with one key each as one mapping: the dashes become spaces."""
    if assets.flow_style:
        return ()
    edits = []
    for item in assets.value:
        dash = document.text.rfind("-", 0, item.start_mark.index)
        if not isinstance(item, yaml.MappingNode) or document.text[dash + 1 : item.start_mark.index].strip():
            return ()
        edits.append(Edit(document.path, dash, dash + 1, " "))
    return tuple(edits)


def _last_leaf(node: Any) -> Any:
    while isinstance(node, (yaml.SequenceNode, yaml.MappingNode)) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _line_end(text: str, position: int) -> int:
    match = re.compile(r"\r\n|\r|\n").search(text, position)
    return match.start() if match else len(text)


def _newline(text: str) -> str:
    match = re.search(r"\r\n|\r|\n", text)
    return match.group() if match else "\n"
