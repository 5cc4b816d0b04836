"""Fixes: changes to an author's text that a rule is sure of, made where the text needs them and nowhere else.

A rule names a fix symbolically: what to do at which path. `to_edits` turns it into replacements in the text, which keep
comments, order, quoting and line breaks because everything else stays as it is. Where the form of the text leaves no
safe way (an alias in a ring, say) there are none, and the finding stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

import yaml

from builder.diagnostic import Edit, Fix, Path
from builder.document import Document

_PLAIN_ENOUGH = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/+()-]*(?<! )")
_TAG = re.compile(r"(?:![^\s,\[\]{}]*[ \t]+)?")
_BREAK = re.compile(r"\r\n|\r|\n")
_REST_OF_LINE = re.compile(r"[ \t]*(?P<comma>,?)[ \t]*(?P<comment>(?<=[ \t])#[^\r\n]*)?(?=\r|\n)")


def to_edits(document: Document, path: Path, fix: Fix) -> tuple[Edit, ...]:
    """The replacements that make a fix at a path of a document; none where its form leaves no safe way."""
    found = document.nodes(path)
    if found is None:
        return ()
    key, node = found
    if fix.kind == "key":
        return () if key is None else _rewritten(document, key, fix.text)
    if fix.kind == "value":
        return _rewritten(document, node, fix.text) if isinstance(node, yaml.ScalarNode) else ()
    if fix.kind == "quote":
        return _quoted(document, node)
    if not isinstance(node, yaml.SequenceNode) or not _stands_alone(document, node):
        return ()
    if fix.kind == "close-ring":
        return _closed(document, node)
    return _unlisted_flow(document, node) if node.flow_style else _unlisted(document, node)


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made; of edits that overlap, the first."""
    parts, position = [], 0
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end)):
        if edit.start < position:
            continue
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


# --- scalars ---------------------------------------------------------------------------------------------------------


def _written(document: Document, node: yaml.ScalarNode) -> tuple[int, int]:
    """Where the text of a scalar stands, without its tag before and without blank lines after.

    It begins with `&` where the text has an anchor: what is used elsewhere, too, is changed by nobody but its author.
    """
    start, end = node.start_mark.index, node.end_mark.index
    tag = _TAG.match(document.text, start, end)
    start = tag.end() if tag else start
    return start, start + len(document.text[start:end].rstrip())


def _rewritten(document: Document, node: yaml.ScalarNode, text: str) -> tuple[Edit, ...]:
    """The scalar with another text, in the quotes it had."""
    start, end = _written(document, node)
    if document.text[start : start + 1] in ("", "&", "!"):
        return ()  # an anchor, or a tag on a line of its own
    if node.style in ("|", ">") and "#" in document.text[start : _line_end(document.text, start)]:
        return ()  # a comment behind the sign of a block
    if node.style == "'":
        new = "'" + text.replace("'", "''") + "'"
    elif node.style != '"' and _PLAIN_ENOUGH.fullmatch(text):
        new = text
    else:
        new = json.dumps(text, ensure_ascii=False)
    return (Edit(document.path, start, end, new),)


def _quoted(document: Document, node: yaml.Node) -> tuple[Edit, ...]:
    if not isinstance(node, yaml.ScalarNode):
        return ()
    start, end = _written(document, node)
    written = document.text[start:end]
    if written != node.value or '"' in written or "\\" in written:
        return ()
    return (Edit(document.path, start, end, f'"{written}"'),)


# --- lists -----------------------------------------------------------------------------------------------------------


def _stands_alone(document: Document, node: yaml.Node) -> bool:
    """Whether a list and all in it were written here, one after another, without anchors, tags and aliases."""
    position = -1
    for inner in _all_inside(node):
        start = inner.start_mark.index
        if start < position or document.text[start : start + 1] in ("&", "!"):
            return False
        position = start
    return True


def _all_inside(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.CollectionNode):
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                yield from _all_inside(part)


def _closed(document: Document, ring: yaml.SequenceNode) -> tuple[Edit, ...]:
    """The first position of a ring again at its end, in the style of the first."""
    first, last = ring.value[0], ring.value[-1]
    if not all(isinstance(number, yaml.ScalarNode) for number in first.value):
        return ()
    numbers = [number.value for number in first.value]
    if ring.flow_style:
        return _closed_flow(document, ring, f"[{', '.join(numbers)}]")
    indent = " " * _column(document.text, document.text.rindex("-", 0, first.start_mark.index))
    if first.flow_style:
        lines = [f"{indent}- [{', '.join(numbers)}]"]
    else:
        lines = [f"{indent}- - {numbers[0]}", *(f"{indent}  - {number}" for number in numbers[1:])]
    at = _line_end(document.text, _end(last))
    newline = _newline(document.text)
    return (Edit(document.path, at, at, newline + newline.join(lines)),)


def _closed_flow(document: Document, ring: yaml.SequenceNode, position: str) -> tuple[Edit, ...]:
    """After the last position; on a line of its own where the last one has one."""
    text, last = document.text, ring.value[-1]
    start, at = last.start_mark.index, last.end_mark.index
    line_start = _line_start(text, start)
    rest = _REST_OF_LINE.match(text, at)
    if text[line_start:start].strip() or rest is None:
        return (Edit(document.path, at, at, f", {position}"),)
    line_end = rest.end()
    comma = () if rest["comma"] else (Edit(document.path, at, at, ","),)
    return (*comma, Edit(document.path, line_end, line_end, _newline(text) + text[line_start:start] + position))


def _unlisted(document: Document, assets: yaml.SequenceNode) -> tuple[Edit, ...]:
    """A block list of mappings with one key each as one mapping: the dashes become spaces."""
    edits = []
    for item in assets.value:
        dash = document.text.rfind("-", 0, item.start_mark.index)
        between = document.text[dash + 1 : item.start_mark.index]
        same_column = item.start_mark.column == assets.value[0].start_mark.column
        if not same_column or between.strip() or not isinstance(item, yaml.MappingNode) or item.flow_style:
            return ()
        edits.append(Edit(document.path, dash, dash + 1, " "))
    return tuple(edits)


def _unlisted_flow(document: Document, assets: yaml.SequenceNode) -> tuple[Edit, ...]:
    """A flow list of mappings with one key each as one mapping: the brackets go, the outer ones become braces."""
    text, start, end = document.text, assets.start_mark.index, assets.end_mark.index - 1
    edits = [Edit(document.path, start, start + 1, "{"), Edit(document.path, end, end + 1, "}")]
    for item in assets.value:
        opening, closing = item.start_mark.index, item.end_mark.index
        ((key, value),) = item.value
        begin, stop = key.start_mark.index, value.end_mark.index
        if text[opening:begin].strip() != "{" or text[stop:closing].strip() != "}":
            return ()  # no brackets, or a comma or a comment inside them
        edits += [Edit(document.path, opening, begin, ""), Edit(document.path, stop, closing, "")]
    return tuple(edits)


def _end(node: yaml.Node) -> int:
    """Where the last text inside a node ends; the mark of a block list stands at what follows it."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _line_start(text: str, position: int) -> int:
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def _column(text: str, position: int) -> int:
    return position - _line_start(text, position)


def _line_end(text: str, position: int) -> int:
    match = _BREAK.search(text, position)
    return match.start() if match else len(text)


def _newline(text: str) -> str:
    match = _BREAK.search(text)
    return match.group() if match else "\n"
