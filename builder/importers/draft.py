"""What importers take and give."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from builder.diagnostic import Path
from builder.document import Document, parse
from builder.source import LocalFile

MAX_BYTES = 16 * 1024**2
"""Larger files are no descriptions of one model."""
MAX_DEPTH = 50
_JSON = (".json", ".geojson")
_YAML = (".yml", ".yaml")
_COMMENTS = re.compile(r"(?:[ \t]*//[^\n]*\n)+")
_FRONT_MATTER = re.compile(
    r"\ufeff?---[ \t]*\r?\n(?P<data>.*?)^---[ \t]*(?:\r?\n|\Z)(?P<text>.*)", re.DOTALL | re.MULTILINE
)


class ImportFileError(Exception):
    """A file cannot be imported. The message says which, and why."""


@dataclass(frozen=True)
class Given:
    """A file to import, read as what a kind asks for."""

    location: FilePath

    @cached_property
    def data(self) -> Any:
        """The data of a JSON or YAML file; None for a file of another kind."""
        if self.location.suffix.lower() in _YAML:
            return None if self.document is None else self.document.data
        if self.location.suffix.lower() not in _JSON:
            return None
        try:
            data = json.loads(self.text)
            if _is_deeper(data, MAX_DEPTH):
                raise ImportFileError(f"{self.location} is nested more than {MAX_DEPTH} levels deep")
            return data
        except (ValueError, RecursionError) as error:
            raise ImportFileError(f"{self.location} is not JSON: {error}") from error

    @cached_property
    def document(self) -> Document | None:
        """A JSON or YAML file as model files are read; None for a file of another kind."""
        if self.location.suffix.lower() not in (*_JSON, *_YAML):
            return None
        return self._parse(self.text)

    @cached_property
    def front_matter(self) -> tuple[dict[str, Any], str] | None:
        """The data at the head of a Markdown file, and the text after it; None for a file without."""
        if self.location.suffix.lower() not in (".md", ".markdown"):
            return None
        match = _FRONT_MATTER.match(self.text)
        if match is None:
            return None
        data = self._parse(match["data"]).data
        return (data, match["text"]) if isinstance(data, dict) else None

    @cached_property
    def file(self) -> LocalFile:
        """The file as one of weights."""
        return LocalFile(self.location.name, self.location)

    @cached_property
    def text(self) -> str:
        """The text of the file."""
        try:
            if self.location.stat().st_size > MAX_BYTES:
                raise ImportFileError(f"{self.location} is larger than {MAX_BYTES // 1024**2} MB")
            text = self.location.read_text(encoding="utf-8-sig")
            # Viewers of JSON put comments at the head of what they save; the lines stay, so that messages count right.
            head = _COMMENTS.match(text) if self.location.suffix.lower() in _JSON else None
            return "\n" * text.count("\n", 0, head.end()) + text[head.end() :] if head else text
        except OSError as error:
            raise ImportFileError(f"{self.location}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ImportFileError(f"{self.location} is not UTF-8 text: {error}") from error

    def _parse(self, text: str) -> Document:
        document, diagnostics = parse(self.location.name, text)
        if document is None:
            first = diagnostics[0]
            raise ImportFileError(f"{self.location}:{first.span.line}: {first.message}")
        return document


@dataclass(frozen=True)
class Draft:
    """A model file in the making.

    `fields` is what it says, in canonical form. `unknown` lists what could not be carried over, by the place in the
    file that was read, and why. `notes` are remarks by the path in `fields` that they are about; () is the whole file.
    """

    kind: str
    fields: dict[str, Any]
    unknown: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[Path, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of the model, which names its file."""
        return str(self.fields["id"])

    def leave(self, place: str, why: str) -> None:
        """Lists something as not carried over."""
        self.unknown.append((place, why))

    def todo(self, path: Path, names: str, text: str) -> None:
        """Adds a remark that only a person can deal with; `names` are the fields that it is about."""
        self.note(path, f"TODO {names}: {text}")

    def note(self, path: Path, text: str) -> None:
        """Adds a remark."""
        known = self.notes.get(path)
        self.notes[path] = f"{known} {text}" if known else text


def _is_deeper(data: Any, depth: int) -> bool:
    level = [data]
    for _ in range(depth):
        level = [inner for one in level if isinstance(one, (dict, list)) for inner in _inside(one)]
    return bool(level)


def _inside(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def text_of(value: Any) -> str | None:
    """The value, when it is a text that says something."""
    return value if isinstance(value, str) and value.strip() else None


def list_of(value: Any, kind: type) -> list[Any]:
    """The members of a list that are of a kind; empty for anything else."""
    return [one for one in value if isinstance(one, kind)] if isinstance(value, list) else []


def mapping_of(value: Any) -> Mapping[str, Any]:
    """The value, when it is a mapping; else an empty one."""
    return value if isinstance(value, Mapping) else {}
