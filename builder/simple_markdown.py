"""Markdown of the simple kind, straight to the HTML that python-markdown makes of it.

Most texts of model files are paragraphs and flat lists with some bold words, code and links: all but two of the 555
texts of `catalog_src`. python-markdown looks for everything that Markdown has, and takes 15 times as long for them. A
text with anything else in it is refused, and python-markdown converts it. The bytes are the same either way, which
`tests/test_simple_markdown.py` shows with texts made at random.
"""

from __future__ import annotations

import re

# Letters or digits at both ends, as a mark that touches a space or another mark is none; not inside of a word.
_STRONG = r"(?P<strong>\*\*(?=[^\W_])[^*`\[\]\\<>&_|~\n]*(?<=[^\W_])\*\*)"
_CODE = r"(?P<code>`(?=[^\s`])[^`\\<>&*\[\]_|~\n]*(?<=[^\s`])`)"
_LINK = r"(?P<link>\[(?=[^\W_])[^*`\[\]\\<>&_|~!\n]*(?<=[^\W_])\]\(https?://[A-Za-z0-9.:/?=%#@+~,-]+\))"
_SPAN = re.compile(rf"(?<![^\s(])(?:{_STRONG}|{_CODE}|{_LINK})(?![^\s.,;:)])")
# What may mean something outside of these: marks, entities, tags, escapes, tables, tabs and other line breaks.
_MEANING = re.compile(
    r"[*`\[\]\\<>&|~\t\r\f\v\x00-\x08\x0e-\x1f\x85\u2028\u2029]|(?<![^\W_])_|_(?![^\W_])|[^\S\n](?:\n|\Z)"
)
_LINE = re.compile(r"(?!\d+[.)])[^\W_]|(?:[\"'(“‘«`\[]|\*\*)[^\W_]")
_BLANK = re.compile(r"\n\n+")
_ITEM = "- "


def simple_html(text: str) -> str | None:
    """The HTML of a text that is simple; None of one that may hold more."""
    text = text.strip("\n")
    if not text or _MEANING.search(_SPAN.sub("x", text)):
        return None
    in_list = False
    for block in _BLANK.split(text):
        after_list, in_list = in_list, block.startswith(_ITEM)
        if in_list and after_list:
            return None  # two lists with an empty line between them are one, whose items are paragraphs
        for line in block.split("\n"):
            if line.startswith(_ITEM) != in_list or not _LINE.match(line, len(_ITEM) * in_list):
                return None
    blocks = _BLANK.split(_SPAN.sub(_span, text))
    return "\n".join(_list(block) if block.startswith(_ITEM) else f"<p>{block}</p>" for block in blocks)


def _list(block: str) -> str:
    items = (f"<li>{line.removeprefix(_ITEM)}</li>" for line in block.split("\n"))
    return "\n".join(["<ul>", *items, "</ul>"])


def _span(match: re.Match[str]) -> str:
    text = match[0]
    if match["strong"]:
        return f"<strong>{text[2:-2]}</strong>"
    if match["code"]:
        return f"<code>{text[1:-1]}</code>"
    words, address = text[1:-1].split("](")
    return f'<a href="{address}">{words}</a>'
