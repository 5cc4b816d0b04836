"""Stage 1, read: YAML or JSON text to a `Document` whose every key and value can be located again.

The reader gives YAML 1.2's core types (`no` is text, `010` is ten, `12:30` is text) through libyaml, keeps keys as the
text that was written, and bounds what a hostile file can cost: see the `MAX_` constants. Positions are not kept: a
model without findings never needs them, so `Document.locate` composes the text a second time when one is asked for.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path as FilePath
from pathlib import PurePosixPath
from typing import Any, Literal

import yaml

from builder.diagnostic import Diagnostic, Path, Span

MAX_BYTES = 5_000_000
"""Largest model file that is read. Layer summaries of big networks stay well below."""
MAX_DEPTH = 64
"""Deepest nesting of mappings and lists."""
MAX_NODES = 200_000
"""Most keys and values of one file, aliases counted as often as they are used."""
MAX_INT = 2**63 - 1
"""Largest whole number; a longer row of digits is read as text."""

CATALOG_FILE = "catalog.yml"
COLLECTION_FILE = "collection.yml"
MODEL_SUFFIXES = (".yml", ".yaml", ".json")

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{f"{sign}{word}": math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
# Plain scalars that readers of YAML 1.1 take for something else: https://yaml.org/type/bool.html, int.html
_AMBIGUOUS = re.compile(
    r"(?P<boolean>yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)"
    r"|(?P<sexagesimal>[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)"
    r"|(?P<octal>[-+]?0[0-7_]+)"
    r"|(?P<underscored>[-+]?[1-9][0-9_]*_[0-9_]*)"
)
_AMBIGUOUS_FIRST = frozenset("yYnNoO-+0123456789")  # a glance that spares most scalars the expression above
_AMBIGUOUS_AS = {
    "boolean": "true or false",
    "sexagesimal": "a number to base 60",
    "octal": "an octal number",
    "underscored": "a number",
}
_TAG = "tag:yaml.org,2002:"
_SAFE_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")}


class _Composer(yaml.cyaml.CParser, yaml.resolver.BaseResolver):  # type: ignore[misc]
    """libyaml's composer with the scalars left untyped: `?` for plain ones, `"` for quoted and block ones."""

    def __init__(self, text: str) -> None:
        yaml.cyaml.CParser.__init__(self, text)
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

    def whole(self) -> Span:
        """The beginning of the file."""
        return _span_at(self.path, self.text, 0, 0)

    def _span(self, node: yaml.Node, *, first_line: bool = False) -> Span:
        start, end = node.start_mark, node.end_mark
        line, column = end.line, end.column
        if line > start.line and (first_line or column == 0 or not isinstance(node, yaml.ScalarNode)):
            # A block mapping's end mark stands on the next line; its first line is what a reader wants to see.
            line, column = start.line, len(_line(self.text, start.line).rstrip())
        return _span_at(self.path, self.text, start.line, start.column, line, column)


@dataclass(frozen=True)
class LocalFile:
    """A file beside the model files: an asset of a model, or nothing we know. It is read when its digest is wanted."""

    path: str
    location: FilePath

    @cached_property
    def size(self) -> int:
        """Size in bytes."""
        return self.location.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        with self.location.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A model file's text with its place: `path` below the source folder, `shown` in messages."""

    path: str
    shown: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Everything in a source folder; paths are relative to it, in POSIX form, sorted."""

    root: FilePath
    catalog: SourceFile | None
    collections: dict[str, SourceFile]
    models: tuple[SourceFile, ...]
    files: dict[str, LocalFile]
    diagnostics: tuple[Diagnostic, ...] = ()


def _line(text: str, number: int) -> str:
    return _lines(text)[number] if number < len(_lines(text)) else ""


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    # YAML's line breaks, which are what libyaml counts; not str.splitlines, which knows more.
    return re.split(r"\r\n|\r|\n|\x85|\u2028|\u2029", text)


def _span_at(
    file: str, text: str, line: int, column: int, end_line: int | None = None, end_column: int | None = None
) -> Span:
    source_line = _line(text, line).removeprefix("\ufeff") if line == 0 else _line(text, line)
    return Span(
        file,
        line + 1,
        column + 1,
        (line if end_line is None else end_line) + 1,
        (column + 1 if end_column is None else end_column) + 1,
        source_line,
    )


@lru_cache(maxsize=4)
def _compose_cached(path: str, text: str) -> yaml.Node | None:
    if path.endswith(".json"):
        # JSON writes characters beyond U+FFFF as two escapes, which YAML refuses; positions stay the same.
        text = re.sub(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", r"\\u2603", text)
    try:
        node: yaml.Node | None = _Composer(text).get_single_node()
    except yaml.YAMLError:
        return None
    return node


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode):
        return (None, node.value[step]) if isinstance(step, int) and step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        pairs = [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
        for key, value in reversed(pairs):
            if key.value == str(step):
                return key, value
        for key, value in pairs:
            if key.value == "<<" and key.tag == "?":
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if (found := _child(merged, step)) is not None:
                        return found
    return None


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
        self.ambiguous: list[tuple[Path, str]] = []
        self.duplicates: list[tuple[yaml.ScalarNode, yaml.ScalarNode]] = []
        self.untyped: list[tuple[yaml.ScalarNode, str]] = []

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _RefusedError(
                f"the file has more than {MAX_NODES:,} keys and values",
                "aliases count as often as they are used; split the file",
                node,
            )
        if len(path) > MAX_DEPTH:
            raise _RefusedError(
                f"the nesting is deeper than {MAX_DEPTH} levels", "a model file needs about ten levels", node
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in ("map", "seq") and node.tag not in _SAFE_TAGS:
            raise _RefusedError(f"the tag {node.tag} is not data", "remove the tag", node)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        seen: dict[str, yaml.ScalarNode] = {}
        merges: list[yaml.Node] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key must be text", "write the key as plain text", key)
            name = key.value
            if name in seen:
                # Noted before merges are resolved: overriding a merged key is no duplicate.
                self.duplicates.append((key, seen[name]))
            seen.setdefault(name, key)
            if name == "<<" and key.tag == "?":
                merges.append(value)
            else:
                data[name] = self.build(value, (*path, name))
        for merge in merges:
            for source in merge.value if isinstance(merge, yaml.SequenceNode) else [merge]:
                if not isinstance(source, yaml.MappingNode):
                    raise _RefusedError("<< merges mappings only", "give it an alias of a mapping", merge)
                for name, value in self.build(source, path).items():
                    data.setdefault(name, value)
        return data

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.tag != "?":
            if node.tag in ('"', _TAG + "str", _TAG + "timestamp"):
                return text
            if node.tag not in _SAFE_TAGS:
                raise _RefusedError(f"the tag {node.tag} is not data", "remove the tag", node)
        if text in _SPECIAL:
            return _SPECIAL[text]
        first = text[0]
        if first in _AMBIGUOUS_FIRST and (match := _AMBIGUOUS.fullmatch(text)):
            self.ambiguous.append((path, _AMBIGUOUS_AS[str(match.lastgroup)]))
        if first not in "-+.0123456789":
            return text
        if _INT.fullmatch(text):
            return self._whole(text, path)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _whole(self, text: str, path: Path) -> int | str:
        if len(text) <= 40:
            number = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
            if abs(number) <= MAX_INT:
                return number
        self.ambiguous.append((path, "a number"))
        return text


def parse(path: str, text: str) -> tuple[Document | None, list[Diagnostic]]:
    """The document in a text, and what is wrong with it; no document when it cannot be read at all.

    `path` is only shown, except that an ending `.json` makes the text JSON.
    """
    if (refusal := _too_deep(path, text)) is not None:
        return None, [refusal]
    try:
        root = _Composer(text).get_single_node() if not path.endswith(".json") else _json_node(path, text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        return None, [_syntax_diagnostic(path, text, error)]
    builder = _Builder()
    document = Document(path, text, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), None)
    diagnostics = []
    try:
        data = builder.build(root, ()) if root is not None else None
    except _RefusedError as refused:
        span = document._span(refused.node, first_line=True)
        return None, [Diagnostic("yaml-syntax", "error", refused.message, span, refused.hint)]
    if path.endswith(".json"):
        data = json.loads(text, parse_constant=float, parse_int=_json_int)
        builder.ambiguous.clear()
    for key, first in builder.duplicates:
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
    return Document(path, text, document.digest, data, tuple(builder.ambiguous)), diagnostics


def _json_int(text: str) -> int | str:
    return int(text) if len(text) <= 20 and abs(int(text)) <= MAX_INT else text


def _json_node(path: str, text: str) -> yaml.Node | None:
    json.loads(
        text, parse_constant=float, parse_int=str
    )  # JSON's own rules first; the nodes serve positions and duplicate keys
    return _compose_cached(path, text)


def _too_deep(path: str, text: str) -> Diagnostic | None:
    """A refusal when the text may nest so deep that libyaml's composer, which recurses in C, would crash.

    Flow nesting needs a bracket a level, block nesting a column or `- ` a level, so most texts pass on a glance.
    """
    brackets = text.count("[") + text.count("{")
    if brackets <= 1000 and all(len(line) <= 1000 for line in _lines(text)):
        return None
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Composer):
            if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                depth += 1
                if depth > MAX_DEPTH:
                    mark = event.start_mark
                    return Diagnostic(
                        "yaml-syntax",
                        "error",
                        f"the nesting is deeper than {MAX_DEPTH} levels",
                        _span_at(path, text, mark.line, mark.column),
                        "a model file needs about ten levels",
                    )
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                depth -= 1
    except yaml.YAMLError:
        return None  # not deeper up to the error; the parser reports it
    return None


def _syntax_diagnostic(path: str, text: str, error: Exception) -> Diagnostic:
    line, column, message, hint = 0, 0, str(error), "check the indentation and the quotes around this place"
    if isinstance(error, json.JSONDecodeError):
        line, column, message = error.lineno - 1, error.colno - 1, error.msg
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
        position = error.position if isinstance(error.position, int) else 0
        before_error = text[:position]
        line = len(_lines(before_error)) - 1
        column = len(_lines(before_error)[-1])
        message, hint = "a control character stands in the text", "remove it, or write it as an escape in double quotes"
    return Diagnostic("yaml-syntax", "error", message, _span_at(path, text, line, column), hint)


# --- files -----------------------------------------------------------------------------------------------------------


def read_text(location: FilePath, shown: str) -> tuple[str | None, list[Diagnostic]]:
    """The text of a file, without byte order mark; a diagnostic instead when it is too large or not UTF-8."""
    try:
        if location.stat().st_size > MAX_BYTES:
            message = f"the file is larger than {MAX_BYTES / 1e6:g} MB"
            return None, [
                Diagnostic("yaml-syntax", "error", message, Span(shown), "model files are small; link to data")
            ]
        raw = location.read_bytes()
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        return None, [Diagnostic("yaml-syntax", "error", message, Span(shown), "check the file and its permissions")]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8-sig", "ignore")
        line = _lines(good)
        span = _span_at(shown, good, len(line) - 1, len(line[-1]))
        return None, [Diagnostic("yaml-syntax", "error", "the file is not UTF-8 text", span, "save it as UTF-8")]


def read_document(location: FilePath, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """The document in a file, and what is wrong with it."""
    text, diagnostics = read_text(location, shown)
    if text is None:
        return None, diagnostics
    return parse(shown, text)


def shown_path(location: FilePath) -> str:
    """The path as messages show it: relative to the working directory where it is below, in POSIX form."""
    location = location.resolve()
    try:
        return location.relative_to(FilePath.cwd()).as_posix()
    except ValueError:
        return location.as_posix()


def find_root(location: FilePath) -> FilePath:
    """The source folder that a model file belongs to: the nearest one above with a catalog file, else the one above
    its collection file, else its own."""
    location = location.resolve()
    for folder in location.parents:
        if (folder / CATALOG_FILE).is_file():
            return folder
    return location.parent.parent if (location.parent / COLLECTION_FILE).is_file() else location.parent


def find_source(root: FilePath, only: FilePath | None = None) -> Source:
    """Everything in a source folder: model files as text, other files by name. `only` one model file, if given.

    Hidden files and folders, names that begin with `_`, and text about the folder itself (README, LICENSE …) are left
    out. Symbolic links are followed only to files inside the folder.
    """
    root, only = root.resolve(), only.resolve() if only else None
    catalog: SourceFile | None = None
    collections: dict[str, SourceFile] = {}
    models: list[SourceFile] = []
    files: dict[str, LocalFile] = {}
    diagnostics: list[Diagnostic] = []
    for location in _walk(root):
        path = location.relative_to(root).as_posix()
        pure = PurePosixPath(path)
        if pure.suffix not in MODEL_SUFFIXES or (pure.suffix == ".json" and not _is_model_json(location)):
            files[path] = LocalFile(path, location)
            continue
        settings = pure.name in (CATALOG_FILE, COLLECTION_FILE)
        if only is not None and not settings and location != only:
            continue
        text, problems = read_text(location, shown_path(location))
        diagnostics += problems
        if text is None:
            continue
        file = SourceFile(path, shown_path(location), text)
        if path == CATALOG_FILE:
            catalog = file
        elif pure.name == COLLECTION_FILE and len(pure.parts) > 1:
            collections[pure.parent.as_posix()] = file
        else:
            models.append(file)
    return Source(root, catalog, collections, tuple(models), files, tuple(diagnostics))


_ABOUT_FOLDER = re.compile(r"(README|LICENSE|LICENCE|NOTICE|CONTRIBUTING|CHANGELOG)([.\-].*)?", re.IGNORECASE)


def _walk(root: FilePath) -> Iterator[FilePath]:
    for location in sorted(root.iterdir(), key=lambda p: p.name):
        if location.name.startswith((".", "_")):
            continue
        if location.is_symlink() and not location.resolve().is_relative_to(root):
            continue
        if location.is_dir():
            if not location.is_symlink():
                yield from _walk(location)
        elif location.is_file() and not _ABOUT_FOLDER.fullmatch(location.name):
            yield location


def _is_model_json(location: FilePath) -> bool:
    """Whether a JSON file is meant as a model file: a STAC Item or anything with `dlm:` in it."""
    if location.stat().st_size > MAX_BYTES:
        return False
    raw = location.read_bytes()
    return b'"dlm:' in raw or b'"stac_version"' in raw
