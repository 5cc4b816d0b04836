"""A draft as the text of a model file: keys in our order, lists of numbers on a line, remarks as comments.

What a YAML reader could take for something else (`no`, `1.10`, `12:30`) is quoted. Reading the text gives the fields
again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from builder.diagnostic import Path
from builder.importers.draft import Draft

WIDTH = 110
_FIRST = (
    "id", "collection", "language", "title", "description", "license", "version", "deprecated", "experimental",
    "keywords", "providers", "created", "updated", "datetime", "start_datetime", "end_datetime", "platform",
    "instruments", "constellation", "mission", "gsd", "bbox", "geometry", "eo:bands", "sci:doi", "sci:citation",
    "sci:publications",
)  # fmt: skip
_MODEL = ("dlm:data", "dlm:inputs", "dlm:architecture", "dlm:runtime", "dlm:outputs", "dlm:archive")
_LAST = ("assets", "links", "stac_extensions", "card", "translations")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"})
# Plain in a flow list too; then what may also stand plain on a line of its own.
_PLAIN = re.compile(r"[A-Za-z](?:[\w./+()% -]*[\w./+()%-])?")
_PLAIN_LINE = re.compile(r"[A-Za-z](?:[\w./+()%@=&?~,; -]|:(?! )|(?<! )#)*(?<![ :])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")
_KEY = re.compile(r"[A-Za-z][\w.-]*(?::[\w.-]+)*")
_NOT_PRINTED = re.compile(r"[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def to_yaml(draft: Draft, source: str) -> str:
    """The text of a model file for a draft that was read from `source`."""
    lines = [*_comment(f"Imported from {source} ({draft.kind}). Check it before you publish it.", 0)]
    lines += _comment(draft.notes.get((), ""), 0)
    others = sorted(key for key in draft.fields if key not in (*_FIRST, *_MODEL, *_LAST))
    for group in (_FIRST, _MODEL, _LAST, others):
        part = {key: draft.fields[key] for key in group if key in draft.fields}
        if part:
            lines += ["", *_mapping(part, (), 0, draft.notes)]
    if draft.unknown:
        lines += ["", "# Not carried over:"]
        for place, why in draft.unknown:
            lines += _comment(f"{place}: {why}", 0, "- ")
    return "\n".join(lines) + "\n"


def to_block(fields: Mapping[str, Any]) -> str:
    """The text of any mapping as YAML, in its own order and without remarks."""
    return "\n".join(_mapping(fields, (), 0, {})) + "\n"


def _comment(text: str, indent: int, bullet: str = "") -> Iterator[str]:
    if not text:
        return
    plain = _NOT_PRINTED.sub("\ufffd", " ".join(text.split()))
    pad = " " * indent + "# "
    for number, line in enumerate(_wrap(plain, WIDTH)):
        yield pad + (bullet if number == 0 else " " * len(bullet)) + line


def _mapping(data: Mapping[str, Any], at: Path, indent: int, notes: Mapping[Path, str]) -> Iterator[str]:
    for key, value in data.items():
        path = (*at, key)
        yield from _comment(notes.get(path, ""), indent)
        yield from _value(" " * indent + _key(key) + ":", value, path, indent, notes)


def _value(head: str, value: Any, path: Path, indent: int, notes: Mapping[Path, str]) -> Iterator[str]:
    """The lines of a value that stands behind a key or a dash."""
    inner = indent + 2
    if isinstance(value, str):
        yield from _text(head, value, inner)
    elif not isinstance(value, (list, dict)) or not value or _fits(value, path, len(head), notes):
        yield f"{head} {to_flow(value)}"
    elif isinstance(value, dict):
        yield head
        yield from _mapping(value, path, inner, notes)
    elif all(isinstance(one, (int, float)) for one in value) and not _noted(path, notes):
        yield head
        wrapped = _wrap(to_flow(value), WIDTH - inner)
        yield from (" " * inner + (" " if number else "") + line for number, line in enumerate(wrapped))
    else:
        yield head
        for index, one in enumerate(value):
            spot = (*path, index)
            yield from _comment(notes.get(spot, ""), inner)
            if isinstance(one, dict) and one and not _fits(one, spot, inner + 2, notes):
                first, *rest = _mapping(one, spot, inner + 2, notes)
                comments = [line for line in (first, *rest) if line.lstrip().startswith("#")]
                if first in comments:  # a comment cannot follow the dash
                    yield " " * inner + "-"
                    yield from (first, *rest)
                else:
                    yield " " * inner + "- " + first.lstrip()
                    yield from rest
            else:
                yield from _value(" " * inner + "-", one, spot, inner, notes)


def _noted(path: Path, notes: Mapping[Path, str]) -> bool:
    return any(len(note) > len(path) and note[: len(path)] == path for note in notes)


def _fits(value: Any, path: Path, column: int, notes: Mapping[Path, str]) -> bool:
    """Whether a list or mapping stands on the line of its key: it is short and holds single values or lists."""
    if _noted(path, notes):
        return False
    if isinstance(value, dict):
        inside = isinstance(path[-1], int) or all(isinstance(one, (int, float)) for one in value.values())
        if not inside or any(isinstance(one, dict) for one in value.values()):
            return False
    elif any(isinstance(one, dict) for one in value):
        return False
    return column + 1 + len(to_flow(value)) <= WIDTH


def _text(head: str, text: str, indent: int) -> Iterator[str]:
    """A text plain where no reader can mistake it, in a block where it is long, else in quotes."""
    pad = " " * indent
    short = len(text) <= WIDTH
    if short and (_DATE.fullmatch(text) or (_PLAIN_LINE.fullmatch(text) and text.lower() not in _WORDS)):
        yield f"{head} {text}"
    elif _NOT_PRINTED.search(text) or (len(text) <= WIDTH - 20 and "\n" not in text):
        yield f"{head} {_quoted(text)}"
    elif text == " ".join(text.split()):
        yield f"{head} >-"
        yield from (pad + line for line in _wrap(text, WIDTH - indent))
    elif "\n" in text and re.match(r"\S", text) and not re.search(r"\n\s*\n$|\n[ \xa0\u3000]+$", text):
        yield f"{head} |" + ("" if text.endswith("\n") else "-")
        yield from (pad + line if line else "" for line in text.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_quoted(text)}"


def _wrap(text: str, width: int) -> list[str]:
    """Words with one space between them in lines; a word that is longer than the width stays whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _key(key: str, *, flow: bool = False) -> str:
    plain = _KEY.fullmatch(key) and key.lower() not in _WORDS and not (flow and ":" in key)
    return key if plain else _quoted(key)


def to_flow(value: Any) -> str:
    """A value as YAML on one line, quoted where a reader could take it for something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key, flow=True)}: {to_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_flow, value)) + "]"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)
    if isinstance(value, float):
        text = {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(repr(value), repr(value))
        # YAML 1.1 wants a point in a number with an exponent.
        return re.sub(r"^(-?[0-9]+)e", r"\1.0e", text)
    return json.dumps(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + _NOT_PRINTED.sub(_escape, escaped) + '"'


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
