"""Stage 6, render: what models say, made safe to show: text, addresses and Markdown.

What comes out of here can be put into a page, whatever came in.
"""

from __future__ import annotations

import functools
import html
import re
import threading
from xml.etree.ElementTree import Element

import markdown as python_markdown
import nh3
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markupsafe import Markup, escape

from builder.simple_markdown import simple_html
from builder.words import current, say

LONGEST_MARKDOWN = 100_000
"""Characters of a text beyond which it is shown as it was written."""
_LONGEST_KEPT = 4_000
"""Characters of a text whose HTML is kept, for when it comes again."""
_MOST_LINES = 5_000
_MOST_BRACKETS = 500
SAFE_SCHEMES = frozenset({"http", "https", "mailto"})


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NOT_IN_URL = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029<>"`{}|\\\\^]')


def safe_href(value: object, local: bool = False) -> str | None:
    """The text as a link's target, if following it can only open a page or a file of the site; else None.

    Targets are http, https and mailto URLs, and with `local` relative references, to files of the site. Characters
    that browsers drop from URLs are refused, as `java\tscript:` would be a script after that.
    """
    if not isinstance(value, str):
        return None
    href = value.strip(" ")
    if not href or _NOT_IN_URL.search(href) or href.startswith(("//", "/")):
        return None
    scheme = _SCHEME.match(href)
    if scheme:
        return href.replace(" ", "%20") if scheme[1].lower() in SAFE_SCHEMES else None
    if not local or ":" in re.split("[/?#]", href, maxsplit=1)[0]:
        return None
    return href.replace(" ", "%20")


_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def plain_text(text: str) -> str:
    """The text with U+FFFD for what a page must not hold: characters that HTML, XML or UTF-8 forbid, and overrides of
    the writing direction, which make the words after them show something else than they say."""
    return _UNFIT.sub("\ufffd", text)


_NEEDS_CARE = re.compile(f"[&<>\"'{_UNFIT.pattern[1:-1]}]")


def show(value: object) -> str:
    """The value as a template prints it: escaped, and without characters that a page must not hold.

    A card prints some 1,000 values, nearly all of them text with nothing to escape: a look at them costs a third of
    what Jinja's `finalize` and `escape` do.
    """
    if type(value) is str:
        return value if _NEEDS_CARE.search(value) is None else escape(plain_text(value))
    if isinstance(value, Markup):
        return value
    return escape(plain_text(value)) if isinstance(value, str) else escape(value)


# --- Markdown --------------------------------------------------------------------------------------------------------

_TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "div", "dl", "dt", "em",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s",
    "samp", "small", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u",
    "ul", "var",
})  # fmt: skip
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "li": {"id"},
    "ol": {"start"},
    "sup": {"id"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan", "scope"},
}
_FOOTNOTE = re.compile(r"fn(?:ref\d*)?:[\w-]+")
_local = threading.local()


def markdown(text: object, prefix: str = "text", level: int = 4) -> Markup:
    """Markdown as HTML that is safe and fits in: never raises, whatever the text is.

    Headings start at `level` and skip none. `prefix` goes before the ids of footnotes and names the tables, so it
    must be unique on the page. Images of other hosts become links, because the pages load nothing from elsewhere.
    """
    source = str(text)
    convert = _to_markup if len(source) <= _LONGEST_KEPT else _to_markup.__wrapped__
    return convert(source, prefix, level, current().language)


@functools.lru_cache(maxsize=512)  # models of a family share texts: of what the cards of `catalog_src` show, half
def _to_markup(source: str, prefix: str, level: int, language: str) -> Markup:  # noqa: ARG001  a part of the key
    """What `markdown` gives; footnotes and tables have words in the `language` of the site."""
    clean = _thread_cleaner().clean(_to_html(plain_text(source)), prefix)
    # A glance spares most texts the expressions.
    if "<img" in clean:
        clean = re.sub(r"<img(?![^>]* src=)[^>]*>", "", clean)
        clean = re.sub(r"<img(?![^>]* alt=)", '<img alt=""', clean)
    if "<h" in clean:
        clean = _with_levels(clean, level)
    if "<table" in clean or "<pre" in clean:
        clean = _with_regions(clean, prefix)
    # S704: the text has just been sanitised, and `prefix` is the template's own.
    return Markup(clean.strip())  # noqa: S704


def _to_html(source: str) -> str:
    """Markdown as HTML that may hold anything."""
    try:
        if _is_tangled(source):
            return f"<pre>{html.escape(source)}</pre>"
        return simple_html(source) or _converter().convert(source)
    except Exception:  # python-markdown fails on some texts, e.g. by too deep nesting
        _local.converter = None
        return f"<pre>{html.escape(source)}</pre>"


class _Cleaner:
    """nh3 with the attributes that prose may have; made once, as making it takes longer than cleaning most texts."""

    def __init__(self) -> None:
        self.prefix = ""
        self.seen: set[str] = set()
        self.cleaner = nh3.Cleaner(
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            attribute_filter=self._keep,
            url_schemes=SAFE_SCHEMES,
            link_rel="noopener nofollow",
        )

    def clean(self, dirty: str, prefix: str) -> str:
        """The HTML with what is safe; ids get the prefix."""
        self.prefix, self.seen = prefix, set()
        return self.cleaner.clean(dirty)

    def _keep(self, _tag: str, name: str, value: str) -> str | None:
        # Without angle brackets in attributes, what looks like a tag in the result is one.
        value = value.replace("<", "").replace(">", "")
        if name == "id":
            new = f"{self.prefix}-{value}"
            if new in self.seen or not _FOOTNOTE.fullmatch(value):
                return None
            self.seen.add(new)
            return new
        if name == "href":
            return (
                f"#{self.prefix}-{value[1:]}"
                if _FOOTNOTE.fullmatch(value[1:]) and value[0] == "#"
                else safe_href(value, local=True)
            )
        if name == "src":
            return value if _is_local_image(value) else None
        if name in ("colspan", "rowspan", "width", "height", "start"):
            return value if re.fullmatch(r"\d{1,4}", value) else None
        if name == "align":
            return value if value in ("left", "right", "center") else None
        return value


def _thread_cleaner() -> _Cleaner:
    cleaner: _Cleaner | None = getattr(_local, "cleaner", None)
    if cleaner is None:
        cleaner = _local.cleaner = _Cleaner()
    return cleaner


def _is_tangled(source: str) -> bool:
    """Whether converting would take too long: it takes the square of the open brackets of a paragraph, and of lines."""
    if len(source) > LONGEST_MARKDOWN or source.count("\n") > _MOST_LINES:
        return True
    if source.count("[") + source.count("<") <= _MOST_BRACKETS:
        return False
    return any(part.count("[") + part.count("<") > _MOST_BRACKETS for part in re.split(r"\n[ \t]*\n", source))


def _with_levels(clean: str, level: int) -> str:
    """The HTML with its headings renumbered: the outermost is `level`, and each step down is one."""
    open_levels: list[int] = []

    def renumber(match: re.Match[str]) -> str:
        own = int(match[1])
        while open_levels and open_levels[-1] >= own:
            open_levels.pop()
        open_levels.append(own)
        new = min(level + len(open_levels) - 1, 6)
        return f"<h{new}>{match[2]}</h{new}>"

    return re.sub(r"<h([1-6])>(.*?)</h\1>", renumber, clean, flags=re.DOTALL)


def _with_regions(clean: str, prefix: str) -> str:
    """The HTML with tables and code in regions that scroll by keyboard too, rather than widen the page."""
    number = depth = 0

    def open_region(match: re.Match[str]) -> str:
        nonlocal number, depth
        if match[0] == "</table>":
            depth -= 1
            return "</table></div>" if depth == 0 else match[0]
        depth += 1
        if depth > 1:
            return match[0]
        number += 1
        label = html.escape(say("Table {0}: {1}", number, prefix.replace("-", " ")))
        return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>'

    clean = re.sub(r"<table>|</table>", open_region, clean)
    return clean.replace("<pre>", '<pre tabindex="0">')


def _is_local_image(src: str) -> bool:
    href = safe_href(src, local=True)
    return href is not None and _SCHEME.match(href) is None


class _ImagesToLinks(Treeprocessor):
    """Turns images of other hosts into links to them."""

    def run(self, root: Element) -> None:
        for element in root.iter("img"):
            if not _is_local_image(element.get("src", "")):
                href, alt = element.get("src", ""), element.get("alt") or "image"
                element.tag, element.text = "a", alt
                element.attrib.clear()
                element.set("href", href)


class _ListAfterText(BlockProcessor):
    """Lets a list follow a paragraph without an empty line between them, as in CommonMark."""

    _ITEM = re.compile(r"^ {0,3}(?:[-*+]|1[.)]) +\S", re.MULTILINE)

    def test(self, parent: Element, block: str) -> bool:
        found = self._ITEM.search(block)
        return found is not None and found.start() > 0 and parent.tag != "li" and not self._ITEM.match(block)

    def run(self, parent: Element, blocks: list[str]) -> None:  # noqa: ARG002  the library's signature
        block = blocks.pop(0)
        found = self._ITEM.search(block)
        start = found.start() if found else 0
        blocks[0:0] = [block[:start].rstrip("\n"), block[start:]]


class _CatalogMarkdown(Extension):
    def extendMarkdown(self, md: python_markdown.Markdown) -> None:  # noqa: N802  the library's name
        md.treeprocessors.register(_ImagesToLinks(md), "images-to-links", 5)
        md.parser.blockprocessors.register(_ListAfterText(md.parser), "list-after-text", 15)


def _converter() -> python_markdown.Markdown:
    """The thread's converter for the language: it keeps state while it runs, and is slower to make than most texts."""
    language = current().language
    converters: dict[str, python_markdown.Markdown] = _local.__dict__.setdefault("converters", {})
    converter = converters.get(language)
    if converter is None:
        converter = converters[language] = python_markdown.Markdown(
            extensions=["tables", "fenced_code", "footnotes", "sane_lists", _CatalogMarkdown()],
            extension_configs={
                "tables": {"use_align_attribute": True},
                "footnotes": {"BACKLINK_TITLE": say("Back to text") + " {}"},
            },
        )
    converter.reset()
    return converter
