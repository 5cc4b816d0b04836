"""Text of authors inside the formats of deploy files, so that it can be nothing but text."""

from __future__ import annotations

import re


def comment(text: str) -> str:
    """The text as a part of a comment: on one line, without characters that cannot be seen."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def yaml_text(text: str) -> str:
    """The text as a double-quoted scalar, https://yaml.org/spec/1.2.2/#731-double-quoted-style."""
    return '"' + comment(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def yaml_list(texts: list[str]) -> str:
    """Texts as a list on one line."""
    return "[" + ", ".join(map(yaml_text, texts)) + "]"


def pbtxt_text(text: str) -> str:
    """The text as a string of the text format, https://protobuf.dev/reference/protobuf/textformat-spec/#string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\{ord(match[0]):03o}", escaped) + '"'


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
