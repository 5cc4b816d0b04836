"""Stage 1, read: YAML or JSON text to a `Document` whose every key and value can be located again.

The reader gives YAML 1.2's core types (`no` is text, `010` is ten, `12:30` is text) through libyaml, keeps keys as the
text that was written, and bounds what a hostile file can cost: see the `MAX_` constants. Positions are not kept: a
model without findings never needs them, so `Document.locate` composes the text when one is asked for. Texts that are
plain are not composed at all otherwise (`plain_yaml`).
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

import yaml

from builder.diagnostic import Diagnostic, Path, Span
from builder.plain_yaml import MAX_INT, read_plain, to_value

MAX_BYTES = 5_000_000
"""Largest model file that is read. Layer summaries of big networks stay well below."""
MAX_DEPTH = 64
"""Deepest nesting of mappings and lists."""
MAX_NODES = 50_000
"""Most values of one file, aliases counted as often as they are used. Real model files have a few hundred."""
MAX_FINDINGS = 1_000
"""Most findings of one file that are told."""
_TOO_MANY = (
    f"the file has more than {MAX_NODES:,} values",
    "aliases count as often as they are used; split the file, or link to data",
)
_TOO_DEEP = (f"the nesting is deeper than {MAX_DEPTH} levels", "a model file needs about ten levels")
_HALF_CHARACTER = ("half of a character stands in the text", "write the whole character, or both of its escapes")
_TAG = "tag:yaml.org,2002:"
_DATA_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")}
_DATA_TAGS |= {"?", '"', "map", "seq"}  # what `_Composer` gives to nodes without a tag
# YAML's line breaks, which are what libyaml counts; not those of str.splitlines, which knows more.
_BREAK = re.compile(r"\r\n|\r|\n|\x85|\u2028|\u2029")
# Characters and escapes that YAML does not allow.
_NOT_YAML = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_YAML_ESCAPE = re.compile(r"\\u[dD]([89a-fA-F])(?=[0-9a-fA-F]{2})")
# Brackets and commas outside of strings, and escapes that are half of a character beyond U+FFFF without the other half.
_JSON_MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]|,', re.DOTALL)
_JSON_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]|(?P<half>u[dD][89a-fA-F])|.)", re.DOTALL)


class _Composer(yaml._yaml.CParser, yaml.resolver.BaseResolver):
    """libyaml's composer with the scalars left untyped: `?` for plain ones, `"` for quoted and block ones."""

    def __init__(self, text: str) -> None:
        yaml._yaml.CParser.__init__(self, text)
        yaml.resolver.BaseResolver.__init__(self)

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:  # noqa: ARG002  the signature is PyYAML's
        if kind is yaml.ScalarNode:
            return "?" if implicit[0] else '"'
        return "map" if kind is yaml.MappingNode else "seq"

    def descend_resolver(self, *_: Any) -> None: ...
    def ascend_resolver(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its data, and where everything in it stands.

    `path` is the path that messages show. `data` holds dicts with text keys, lists, text, numbers, booleans and None.
    `ambiguous` lists the plain scalars that YAML 1.1 reads otherwise, each with what such a reader makes of it.
    """

    path: str
    text: str
    digest: str
    data: Any
    ambiguous: tuple[tuple[Path, str], ...] = ()

    def locate(self, path: Path, on: Literal["key", "value"] = "value") -> Span:
        """The span of the value (or of its key) at the path; of the nearest existing parent when there is none."""
        root = _compose_cached(self.path, self.text)
        if root is None:
            return self.whole()
        node, key = root, None
        for step in path:
            found = _child(node, step)
            if found is None:
                # The parent of something missing: point at its key, where the reader looks for it.
                return self._span(key if key is not None else node, first_line=True)
            key, node = found
        if on == "key" and key is not None:
            return self._span(key)
        if isinstance(node, yaml.ScalarNode) and node.start_mark.index == node.end_mark.index and key is not None:
            return self._span(key)
        return self._span(node)

    def source_text(self, path: Path) -> str | None:
        """The text of the scalar at the path as it was written, without quotes; None where there is no scalar."""
        node = _compose_cached(self.path, self.text)
        for step in path:
            found = None if node is None else _child(node, step)
            if found is None:
                return None
            node = found[1]
        return node.value if isinstance(node, yaml.ScalarNode) else None

    def nodes(self, path: Path) -> tuple[yaml.ScalarNode | None, yaml.Node] | None:
        """The key's and the value's node at the path, as libyaml composes them.

        None where there is nothing, and inside of what an anchor may share with other places.
        """
        node, key = _compose_cached(self.path, self.text), None
        for step in path:
            found = None if node is None else _child(node, step)
            if node is None or found is None:
                return None
            start, end = node.start_mark.index, node.end_mark.index
            key, node = found
            here = node.start_mark.index
            if not start <= here <= end or self.text[here : here + 1] == "&":
                return None
        return None if node is None else (key, node)

    def scalar_ranges(self) -> list[tuple[int, int]]:
        """Where the texts of the document stand, as ranges of characters, sorted: a comment lies in none of them."""
        waiting = [_compose_cached(self.path, self.text)]
        seen = set()
        ranges = []
        while waiting:
            node = waiting.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.ScalarNode):
                start, end = node.start_mark.index, node.end_mark.index
                if node.style in ("|", ">") and (line_end := re.compile(r"[\r\n]").search(self.text, start, end)):
                    start = line_end.start()  # behind the sign of a block there may be a comment
                ranges.append((start, end))
            else:
                waiting += [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
        return sorted(ranges)

    def span_at(self, start: int, end: int) -> Span:
        """The span from one character up to another."""
        return _span_at(self.path, self.text, *_place(self.text, start), *_place(self.text, end))

    def next_content_line(self, position: int) -> int:
        """The line of a comment at a position, from 1; of the next content, where the comment is alone on its line."""
        number, column = _place(self.text, position)
        if _line(self.text, number)[:column].strip():
            return number + 1
        content = _content_lines(self.text)
        following = bisect(content, number)
        return content[following] + 1 if following < len(content) else number + 1

    def whole(self) -> Span:
        """The beginning of what the file says, below comments at its top."""
        root = _compose_cached(self.path, self.text)
        start = None if root is None else root.start_mark
        return _span_at(self.path, self.text, *((0, 0) if start is None else (start.line, start.column)))

    def _span(self, node: yaml.Node, *, first_line: bool = False) -> Span:
        start, end = node.start_mark, node.end_mark
        line, column = end.line, end.column
        if line > start.line and (first_line or column == 0 or not isinstance(node, yaml.ScalarNode)):
            # A block mapping's end mark stands on the next line; its first line is what a reader wants to see.
            line, column = start.line, len(_line(self.text, start.line).rstrip())
        return _span_at(self.path, self.text, start.line, start.column, line, column)


def _line(text: str, number: int) -> str:
    return _lines(text)[number] if number < len(_lines(text)) else ""


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    return _BREAK.split(text)


@lru_cache(maxsize=4)
def _starts(text: str) -> list[int]:
    """Where the lines begin."""
    return [0, *(match.end() for match in _BREAK.finditer(text))]


@lru_cache(maxsize=4)
def _content_lines(text: str) -> list[int]:
    """The numbers of the lines, from 0, on which more than a comment stands."""
    return [number for number, line in enumerate(map(str.strip, _lines(text))) if line and not line.startswith("#")]


def _place(text: str, position: int) -> tuple[int, int]:
    """Line and column of a character, both from 0."""
    line = bisect(_starts(text), position) - 1
    return line, min(position - _starts(text)[line], len(_lines(text)[line]))


def span_at(file: str, text: str, position: int) -> Span:
    """The span of one character of a text that was not read."""
    return _span_at(file, text, *_place(text, position))


def _span_at(
    file: str, text: str, line: int, column: int, end_line: int | None = None, end_column: int | None = None
) -> Span:
    if line >= len(_lines(text)):  # the end of a text without a line break
        line, column = len(_lines(text)) - 1, len(_lines(text)[-1])
    if end_line is not None and end_line >= len(_lines(text)):
        end_line, end_column = len(_lines(text)) - 1, len(_lines(text)[-1])
    source_line = _line(text, line).removeprefix("\ufeff") if line == 0 else _line(text, line)
    return Span(
        file,
        line + 1,
        column + 1,
        (line if end_line is None else end_line) + 1,
        (max(column, min(column + 1, len(source_line))) if end_column is None else end_column) + 1,
        source_line,
    )


@lru_cache(maxsize=4)
def _compose_cached(path: str, text: str) -> yaml.Node | None:
    if path.endswith(".json"):
        # JSON has them, and tabs anywhere between values. What stands in is as long, and different for each.
        text = _NOT_YAML_ESCAPE.sub(lambda match: rf"\ue{int(match[1], 16) - 8}", text.replace("\t", " "))
        text = _NOT_YAML.sub(lambda match: chr(0xE800 + ord(match[0]) % 0x800), text)
    try:
        node: yaml.Node | None = _Composer(text).get_single_node()
    except yaml.YAMLError:
        return None
    return node


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.ScalarNode | None, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode):
        return (None, node.value[step]) if isinstance(step, int) and step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        if (pair := _pairs(node).get(str(step))) is not None:
            return pair
        for key, value in node.value:
            if key.value == "<<" and key.tag == "?":
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if (found := _child(merged, step)) is not None:
                        return found
    return None


@lru_cache(maxsize=64)
def _pairs(node: yaml.MappingNode) -> dict[str, tuple[yaml.ScalarNode, yaml.Node]]:
    """The nodes of a mapping's keys and values by key; of equal keys the last."""
    return {key.value: (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}


# --- parsing ---------------------------------------------------------------------------------------------------------


class _RefusedError(Exception):
    """The file goes past a limit, or says something YAML for data does not say."""

    def __init__(self, message: str, hint: str, node: yaml.Node) -> None:
        super().__init__(message)
        self.message, self.hint, self.node = message, hint, node


class _Builder:
    """Data from composed nodes, with duplicate keys and ambiguous scalars noted on the way."""

    def __init__(self) -> None:
        self.nodes = 0
        self.characters = 0
        self.merging = 0
        self.ambiguous: list[tuple[Path, str]] = []
        self.duplicates: dict[yaml.ScalarNode, yaml.ScalarNode] = {}

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _RefusedError(*_TOO_MANY, node)
        if len(path) + self.merging > MAX_DEPTH:
            raise _RefusedError(*_TOO_DEEP, node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._need_data(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._mapping(node, path)

    def _need_data(self, node: yaml.Node) -> None:
        if node.tag not in _DATA_TAGS:
            raise _RefusedError(f"the tag {node.tag} is not data", "remove the tag", node)
        if isinstance(node, yaml.ScalarNode):
            self.characters += len(node.value)
            if self.characters > MAX_BYTES:
                hint = "aliases count as often as they are used"
                raise _RefusedError(f"the file has more than {MAX_BYTES / 1e6:g} MB of text", hint, node)

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        seen: dict[str, yaml.ScalarNode] = {}
        merges: list[yaml.Node] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key must be text", "write the key as plain text", key)
            self._need_data(key)
            name = key.value
            if name in seen:
                # Noted before merges are resolved: overriding a merged key is no duplicate.
                self.duplicates[key] = seen[name]
            seen.setdefault(name, key)
            if name == "<<" and key.tag == "?":
                merges.append(value)
            else:
                data[name] = self.build(value, (*path, name))
        for merge in merges:
            for source in merge.value if isinstance(merge, yaml.SequenceNode) else [merge]:
                if not isinstance(source, yaml.MappingNode):
                    raise _RefusedError("<< merges mappings only", "give it an alias of a mapping", merge)
                self._merge(source, path, data)
        return data

    def _merge(self, source: yaml.Node, path: Path, data: dict[str, Any]) -> None:
        noted = len(self.ambiguous)
        self.merging += 1
        merged = self.build(source, path)
        self.merging -= 1
        # What is overridden here is not read here.
        self.ambiguous[noted:] = [note for note in self.ambiguous[noted:] if note[0][len(path)] not in data]
        for name, value in merged.items():
            data.setdefault(name, value)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        self._need_data(node)
        if node.tag in ('"', _TAG + "str", _TAG + "timestamp"):
            return text
        value, reading = to_value(text)
        if reading is not None:
            self.ambiguous.append((path, reading))
        return value


def parse(path: str, text: str) -> tuple[Document | None, list[Diagnostic]]:
    """The document in a text, and what is wrong with it; no document when it cannot be read at all.

    `path` is only shown, except that an ending `.json` makes the text JSON.
    """
    try:
        digest = hashlib.sha256(text.encode()).hexdigest()
        if (excess := _find_excess(path, text)) is not None:
            return None, [_refusal(path, text, *excess)]
        if not path.endswith(".json") and len(text) <= MAX_BYTES:
            plain, data = read_plain(text, MAX_NODES, MAX_DEPTH)
            if plain:
                return Document(path, text, digest, data), []
        root = _Composer(text).get_single_node() if not path.endswith(".json") else _json_node(path, text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        return None, [_syntax_diagnostic(path, text, error)]
    except UnicodeEncodeError as error:
        return None, [_refusal(path, text, error.start, *_HALF_CHARACTER)]
    builder = _Builder()
    document = Document(path, text, digest, None)
    diagnostics = []
    try:
        data = builder.build(root, ()) if root is not None else None
    except _RefusedError as refused:
        span = document._span(refused.node, first_line=True)
        return None, [Diagnostic("yaml-syntax", "error", refused.message, span, refused.hint)]
    if path.endswith(".json"):
        half = next((match.start() for match in _JSON_ESCAPE.finditer(text) if match["half"]), None)
        if half is not None:
            return None, [_refusal(path, text, half, *_HALF_CHARACTER)]
        data = json.loads(text, parse_constant=float, parse_int=_json_int)
        builder.ambiguous.clear()
    if builder.duplicates:
        # What the last of equal keys has put aside is not in the data.
        builder.ambiguous = list(dict.fromkeys(note for note in builder.ambiguous if _is_scalar(data, note[0])))
    for key, first in islice(builder.duplicates.items(), MAX_FINDINGS):
        diagnostics.append(
            Diagnostic(
                "key-duplicate",
                "error",
                f"the key {key.value} is given twice",
                document._span(key),
                "keep one of the two",
                ((document._span(first), "first given here"),),
            )
        )
    return Document(path, text, digest, data, tuple(builder.ambiguous)), diagnostics


def _is_scalar(data: Any, path: Path) -> bool:
    """Whether there is a single value at the path."""
    for step in path:
        in_list = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if in_list or (isinstance(data, dict) and step in data):
            data = data[step]
        else:
            return False
    return not isinstance(data, (dict, list))


def _json_int(text: str) -> int | str:
    return int(text) if len(text) <= 20 and abs(int(text)) <= MAX_INT else text


def _json_node(path: str, text: str) -> yaml.Node | None:
    json.loads(
        text, parse_constant=float, parse_int=str
    )  # JSON's own rules first; the nodes serve positions and duplicate keys
    return _compose_cached(path, text)


def _refusal(path: str, text: str, position: int, message: str, hint: str) -> Diagnostic:
    return Diagnostic("yaml-syntax", "error", message, _span_at(path, text, *_place(text, position)), hint)


def _find_excess(path: str, text: str) -> tuple[int, str, str] | None:
    """Where a text goes past a limit, and which, if it may nest so deep that libyaml's composer, which recurses in C,
    would crash, or that the reader of JSON would give up, or may hold more values than fit into memory.

    A glance is enough for most texts: flow nesting needs a bracket a level, block nesting a column or `- ` a level,
    and there is a mark before every value but the first.
    """
    is_json = path.endswith(".json")
    brackets = text.count("[") + text.count("{")
    # A text as short as that has no more marks; other line breaks would only make its lines shorter.
    if not is_json and len(text) <= MAX_NODES and brackets <= 1000 and max(map(len, text.split("\n"))) <= 1000:
        return None
    ends = ("\n", "\r", "\x85", "\u2028", "\u2029")
    marks = brackets + sum(map(text.count, (",", ":", "- ", "? ", "-\t", "?\t", *ends)))
    flat = not is_json and brackets <= 1000 and all(len(line) <= 1000 for line in _lines(text))
    if flat and marks <= MAX_NODES:
        return None
    depth = values = 0
    try:
        for step, position in _json_steps(text) if is_json else _yaml_steps(text):
            depth += step
            # In YAML, at least every other one is a value rather than a key.
            values += step == 0 if is_json else step >= 0
            if depth > MAX_DEPTH:
                return position, *_TOO_DEEP
            if values > (MAX_NODES if is_json else 2 * MAX_NODES + 1):
                return position, *_TOO_MANY
    except yaml.YAMLError:
        pass  # neither up to the error; the parser reports it
    return None


def _json_steps(text: str) -> Iterator[tuple[int, int]]:
    """A step down or up, and where, for each mapping and list that begins or ends; none for each comma."""
    for match in _JSON_MARK.finditer(text):
        if not (mark := match.group()).startswith('"'):
            yield (1 if mark in "[{" else 0 if mark == "," else -1), match.start()


def _yaml_steps(text: str) -> Iterator[tuple[int, int]]:
    """A step down or up, and where, for each mapping and list that begins or ends; none for each scalar and alias."""
    parser: Any = _Composer
    for event in yaml.parse(text, Loader=parser):
        mark: Any = event.start_mark
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            yield 1, mark.index
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            yield -1, mark.index
        elif isinstance(event, yaml.NodeEvent):
            yield 0, mark.index


def _syntax_diagnostic(path: str, text: str, error: Exception) -> Diagnostic:
    line, column, message, hint = 0, 0, str(error), "check the indentation and the quotes around this place"
    if isinstance(error, json.JSONDecodeError):
        (line, column), message = _place(text, error.pos), error.msg
        hint = "the file is JSON because its name ends in .json"
    elif isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        if mark is not None:
            line, column = mark.line, mark.column
        message = ", ".join(part for part in (error.context, error.problem) if part)
        indent = re.match(r"\s*", _line(text, line))
        before = _line(text, line)[: column + 1]
        if "\t" in before or (indent and "\t" in indent.group()) or "cannot start any token" in message:
            tab = _line(text, line).find("\t")
            if tab >= 0:
                column = tab
                message, hint = "a tab stands where YAML wants spaces", "indent with spaces"
        elif "mapping values are not allowed" in message:
            hint = "quote a value that contains `: `, or start a new line"
        elif "could not find expected ':'" in message:
            hint = "a key without a colon, or a text over several lines without quotes"
        elif "undefined alias" in message:
            hint = "quote a value that starts with *"
    elif isinstance(error, yaml.reader.ReaderError):
        # libyaml gives the place in bytes, and of no other fault than this one.
        refused = _NOT_YAML.search(text)
        line, column = _place(text, refused.start() if refused else 0)
        message, hint = "a control character stands in the text", "remove it, or write it as an escape in double quotes"
    return Diagnostic("yaml-syntax", "error", message, _span_at(path, text, line, column), hint)
