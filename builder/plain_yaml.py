"""Stage 1, read: YAML that says what it says in one place, straight from libyaml's events to data.

Most model files have no anchor, alias, tag or merge key, give no key twice, and hold no value that readers of YAML 1.1
take for something else. Their data needs no tree of nodes with positions: reading takes half the time without it. Of
all other texts `read_plain` says that they are not plain, and `document` composes them.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

import yaml

# YAML 1.2's core schema: https://yaml.org/spec/1.2.2/#103-core-schema
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
    r"|(?P<underscored>[-+]?[1-9][0-9]*_[0-9_]*)"
)
_AMBIGUOUS_AS = {
    "boolean": "true or false",
    "sexagesimal": "a number to base 60",
    "octal": "an octal number",
    "underscored": "a number",
}
_AMBIGUOUS_FIRST = frozenset("yYnNoO-+0123456789")  # a glance that spares most scalars the expression above
_NUMBER_FIRST = frozenset("-+.0123456789")
MAX_INT = 2**63 - 1
"""Largest whole number; a longer row of digits is read as text."""


class _NotPlainError(Exception):
    """Something in the text needs nodes to be understood or told."""


_OTHER_THAN_TEXT = {text[:1] for text in _SPECIAL} | _AMBIGUOUS_FIRST | _NUMBER_FIRST


def to_value(text: str) -> tuple[Any, str | None]:
    """What a plain scalar means in YAML 1.2, and what a reader of YAML 1.1 takes it for where that differs."""
    if text in _SPECIAL:
        return _SPECIAL[text], None
    first, reading = text[0], None
    if first in _AMBIGUOUS_FIRST and (match := _AMBIGUOUS.fullmatch(text)):
        reading = _AMBIGUOUS_AS[str(match.lastgroup)]
    if first not in _NUMBER_FIRST:
        return text, reading
    if _INT.fullmatch(text):
        if len(text) <= 40:
            number = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
            if abs(number) <= MAX_INT:
                return number, reading
        return text, reading or "a number"
    return (float(text) if _FLOAT.fullmatch(text) else text), reading


_to_value = lru_cache(maxsize=4096)(to_value)  # a registry says the same numbers again and again


def read_plain(text: str, most: int, deepest: int) -> tuple[bool, Any]:
    """Whether the text is plain, and its data if it is: at most so many values, nested at most so deep."""
    try:
        return True, _Reader(text, most, deepest).document()
    except (_NotPlainError, yaml.YAMLError):
        return False, None


class _Reader:
    def __init__(self, text: str, most: int, deepest: int) -> None:
        self.next = yaml._yaml.CParser(text).get_event
        self.left, self.deepest = most, deepest

    def document(self) -> Any:
        self.next()  # the stream begins
        if isinstance(self.next(), yaml.StreamEndEvent):
            return None
        data = self._value(self.next(), 0)
        self.next()  # the document ends
        if not isinstance(self.next(), yaml.StreamEndEvent):
            raise _NotPlainError
        return data

    def _value(self, event: Any, depth: int) -> Any:
        self.left -= 1
        kind = type(event)
        if kind is yaml.AliasEvent or event.anchor is not None or event.tag is not None or self.left < 0:
            raise _NotPlainError
        if kind is yaml.ScalarEvent:
            text: str = event.value
            if not event.implicit[0]:
                return text
            if text[:1] not in _OTHER_THAN_TEXT:
                return text
            value, reading = _to_value(text)
            if reading is not None:
                raise _NotPlainError
            return value
        if depth > self.deepest:
            raise _NotPlainError
        if kind is yaml.SequenceStartEvent:
            items = []
            while type(item := self.next()) is not yaml.SequenceEndEvent:
                items.append(self._value(item, depth + 1))
            return items
        data: dict[str, Any] = {}
        while type(key := self.next()) is not yaml.MappingEndEvent:
            if type(key) is not yaml.ScalarEvent or key.anchor is not None or key.tag is not None:
                raise _NotPlainError
            name: str = key.value
            if name == "<<" or name in data:
                raise _NotPlainError
            data[name] = self._value(self.next(), depth + 1)
        return data
