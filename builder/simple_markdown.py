"""Markdown of the simple kind, straight to the HTML that python-markdown makes of it.

Most texts of model files are paragraphs, flat lists, tables and blocks of code with some bold words, code and links:
all 555 texts of `catalog_src`. python-markdown looks for everything that Markdown has, and takes 15 times as long for
them. A text with anything else in it is refused, and python-markdown converts it. The bytes are the same either way,
which `tests/test_simple_markdown.py` shows with texts made at random.
"""

from __future__ import annotations

import html
import re

# Letters or digits at both ends, as a mark that touches a space or another mark is none; not inside of a word.
_STRONG = r"(?P<strong>\*\*(?=[^\W_])[^*`\[\]\\<>&_|~\n]*(?<=[^\W_])\*\*)"
_CODE = r"(?P<code>`(?=[^\s`])[^`\\<>&*\[\]|~\n]*(?<=[^\s`])`)"
_LINK = r"(?P<link>\[(?=[^\W_])[^*`\[\]\\<>&_|~!\n]*(?<=[^\W_])\]\(https?://[A-Za-z0-9.:/?=%#@+~,-]+\))"
_SPAN = re.compile(rf"(?<![^\s(])(?:{_STRONG}|{_CODE}|{_LINK})(?![^\s.,;:)])")
# What may mean something outside of these: marks, entities, tags, escapes, tables, tabs and other line breaks.
_MEANING = re.compile(r"[*`\[\]\\<>&|~\t\r\f\v\x00-\x08\x0e-\x1f]")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LINE = re.compile(r"(?!\d+[.)])[^\W_]|(?:[\"'(“‘«`\[]|\*\*)[^\W_]")
_BLANK = re.compile(r"\n\n+")
_ITEM = "- "
_FENCED = re.compile(r"(?:\A|(?<=\n\n))```([a-z]*)\n((?:[^`\n]*\n)+)```(?=\n\n|\Z)")
_NOT_IN_CODE = re.compile(r"[\t\r\f\v\x00-\x08\x0e-\x1f]|[^\S\n]\n")
_OTHER_LINES = ("\x85", "\u2028", "\u2029")
"""Ends of lines that are none for us."""
_ROW = re.compile(r"\| [^\n]* \|")
_ALIGNMENTS = {"---": "", "---:": ' align="right"', ":---": ' align="left"', ":---:": ' align="center"'}


def simple_html(text: str) -> str | None:
    """The HTML of a text that is simple; None of one that may hold more."""
    text = text.strip("\n")
    if not text or (not text.isascii() and any(end in text for end in _OTHER_LINES)):
        return None
    made: list[str] = []
    # Between the blocks of code, which come in twos with their languages, is everything else.
    for number, part in enumerate(_FENCED.split(text) if "```" in text else (text,)):
        if number % 3 == 1:
            name = f' class="language-{part}"' if part else ""
            made.append(f"<pre><code{name}>")
        elif number % 3 == 2:
            if _NOT_IN_CODE.search(part):
                return None
            made[-1] += html.escape(part, quote=False).replace('"', "&quot;") + "</code></pre>"
        elif part := part.strip("\n"):
            blocks = _to_blocks(part)
            if blocks is None:
                return None
            made += blocks
    return "\n".join(made)


def _to_blocks(text: str) -> list[str] | None:
    """The HTML of paragraphs, lists and tables."""
    made: list[str] = []
    in_list = False
    for block in _BLANK.split(text):
        after_list, in_list = in_list, block.startswith(_ITEM)
        lines = block.split("\n")
        if block.startswith("| "):
            html_of_block = _table(lines)
        elif in_list:
            # Two lists with an empty line between them are one, whose items are paragraphs.
            html_of_block = None if after_list else _list(lines)
        else:
            html_of_block = _paragraph(block, lines)
        if html_of_block is None:
            return None
        made.append(html_of_block)
    return made


def _paragraph(block: str, lines: list[str]) -> str | None:
    for line in lines:
        if line.startswith(_ITEM) or not _LINE.match(line) or line[-1].isspace():
            return None
    words = _inline(block)
    return None if words is None else f"<p>{words}</p>"


def _list(lines: list[str]) -> str | None:
    items = ["<ul>"]
    for line in lines:
        item = line.removeprefix(_ITEM)
        if item == line or not _LINE.match(item) or item[-1].isspace():
            return None
        words = _inline(item)
        if words is None:
            return None
        items.append(f"<li>{words}</li>")
    return "\n".join([*items, "</ul>"])


def _table(lines: list[str]) -> str | None:
    """A table of rows that begin and end with a pipe and have as many cells as the head has."""
    if len(lines) < 3 or not all(map(_ROW.fullmatch, lines)):
        return None
    head, marks, *rows = [[cell.strip(" ") for cell in line[2:-2].split("|")] for line in lines]
    aligned = [_ALIGNMENTS.get(mark) for mark in marks]
    if len(head) != len(aligned) or any(len(row) != len(head) for row in rows):
        return None
    made = ["<table>", "<thead>"]
    for kind, row in (("th", head), *(("td", row) for row in rows)):
        made.append("<tr>")
        for cell, mark in zip(row, aligned, strict=True):
            words = _inline(cell)
            if mark is None or words is None or not cell or cell[0].isspace() or cell[-1].isspace():
                return None
            made.append(f"<{kind}{mark}>{words}</{kind}>")
        made += ["</tr>", "</thead>", "<tbody>"] if kind == "th" else ["</tr>"]
    return "\n".join([*made, "</tbody>", "</table>"])


def _inline(text: str) -> str | None:
    """The text with its spans as HTML."""
    bare = _SPAN.sub("x", text) if "`" in text or "[" in text or "**" in text else text
    if _MEANING.search(bare) or ("_" in bare and _UNDERSCORE.search(bare)):
        return None
    return text if bare is text else _SPAN.sub(_span, text)


def _span(match: re.Match[str]) -> str:
    text = match[0]
    if match["strong"]:
        return f"<strong>{text[2:-2]}</strong>"
    if match["code"]:
        return f"<code>{text[1:-1]}</code>"
    words, address = text[1:-1].split("](")
    return f'<a href="{address}">{words}</a>'
