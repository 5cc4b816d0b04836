"""Stage 6, render: the template snapshot, its Jinja environment, and the filters that make data safe to show.

A snapshot holds every template as text, so it travels to worker processes and its digest is part of a card's cache
key. What models say reaches a template only as a value: it is escaped, or it goes through `markdown` or `safe_href`.
"""

from __future__ import annotations

import hashlib
import html
import math
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import jinja2
import markdown as python_markdown
import nh3
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from markupsafe import Markup

DEFAULT = "default/"
"""Under this prefix the template that an override replaces stays reachable, to extend it."""
_STATIC = "static/"
_TEMPLATE_SUFFIXES = (".html", ".xml", ".txt")
_APART = ("mkdocs/", "deploy/")
"""Folders of `site_templates` that are not pages of the catalog."""
LONGEST_MARKDOWN = 100_000
"""Characters of a text beyond which it is shown as it was written."""
_MOST_LINES = 5_000
_MOST_BRACKETS = 500
SAFE_SCHEMES = frozenset({"http", "https", "mailto"})


class TemplatesError(Exception):
    """The templates cannot be read or rendered; the message names the file and what is wrong."""


# --- the snapshot ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Templates:
    """Every template by name, every static file by its path below `assets/`, and a digest over both."""

    sources: Mapping[str, str]
    static: Mapping[str, bytes]
    digest: str

    def render(self, name: str, **context: Any) -> str:
        """The template's text with the context filled in. Raises TemplatesError, with file and line."""
        try:
            return _environment(self).get_template(name).render(**context)
        except jinja2.TemplateSyntaxError as error:
            raise TemplatesError(f"template {error.name or name}, line {error.lineno}: {error.message}") from error
        except jinja2.TemplateError as error:
            raise TemplatesError(f"template {name}: {type(error).__name__}: {error.message}") from error


def read_templates(overrides: Path | None = None) -> Templates:
    """The templates of the package, with the files of the folder `overrides` in place of those of the same name."""
    originals = dict(_files(find_templates()))
    sources = {name: _text(name, content) for name, content in originals.items() if name.endswith(_TEMPLATE_SUFFIXES)}
    static = {name.removeprefix(_STATIC): data for name, data in originals.items() if name.startswith(_STATIC)}
    sources |= {DEFAULT + name: text for name, text in sources.items()}
    if overrides is not None:
        if not overrides.is_dir():
            raise TemplatesError(f"the template folder {overrides} does not exist")
        for name, content in _files(overrides):
            if name.startswith(_STATIC):
                static[name.removeprefix(_STATIC)] = content
            elif name.endswith(_TEMPLATE_SUFFIXES) and not name.startswith(DEFAULT):
                sources[name] = _text(name, content)
    return Templates(sources, static, _digest(sources, static))


def find_templates() -> Path:
    """The folder `site_templates`: inside an installed package, or beside it in a checkout.

    An editable install may leave an old copy elsewhere, so only these two places count, and the second one only in a
    project's folder.
    """
    package = Path(__file__).resolve().parent
    installed, checkout = package / "_site_templates", package.parent / "site_templates"
    if installed.is_dir():
        return installed
    if checkout.is_dir() and (package.parent / "pyproject.toml").is_file():
        return checkout
    raise TemplatesError("the package was installed without its templates; install it again")


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise TemplatesError(f"{path} is a symbolic link that leads out of the folder of templates")
        if path.is_file() and not hidden and not name.startswith(_APART):
            yield name, path.read_bytes()


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TemplatesError(f"template {name} is not UTF-8 text") from error


def _digest(sources: Mapping[str, str], static: Mapping[str, bytes]) -> str:
    state = hashlib.sha256()
    parts = [(name, text.encode()) for name, text in sources.items()]
    parts += [(_STATIC + name, content) for name, content in static.items()]
    for name, content in sorted(parts):
        state.update(f"{name}\0{len(content)}\0".encode())
        state.update(content)
    return state.hexdigest()


_environments: dict[str, jinja2.Environment] = {}


def _environment(templates: Templates) -> jinja2.Environment:
    """The environment of a snapshot, made once per process: compiling the templates costs more than many cards."""
    environment = _environments.get(templates.digest)
    if environment is None:
        environment = jinja2.Environment(
            loader=jinja2.DictLoader(templates.sources),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_finalize,
        )
        environment.filters.update(
            count=format_count, short=format_short, num=format_number, filesize=format_filesize,
            markdown=markdown, safe_href=safe_href,
        )  # fmt: skip
        # The preview server makes a new snapshot at every save: the old ones need not stay.
        _environments.clear()
        _environments[templates.digest] = environment
    return environment


# --- numbers and links -----------------------------------------------------------------------------------------------


def format_count(value: int) -> str:
    """A whole number with its thousands apart: 1,234,567."""
    return f"{value:,}"


def format_short(value: float) -> str:
    """A number to three digits with a letter for its size: 24.5 M."""
    return _scaled(value, ("", " k", " M", " G", " T"), whole=True)


def format_filesize(value: float) -> str:
    """A size in bytes as people say it, in powers of 1000: 37.8 MB."""
    return _scaled(value, (" bytes", " kB", " MB", " GB", " TB", " PB"), whole=True)


def _scaled(value: float, units: tuple[str, ...], *, whole: bool) -> str:
    if whole and abs(value) < 1000:
        return f"{format_number(value)}{units[0]}"
    step = 0
    while step < len(units) - 1 and abs(float(f"{value:.3g}")) >= 1000:
        value, step = value / 1000, step + 1
    return f"{format_number(float(f'{value:.3g}'))}{units[step]}"


def format_number(value: Any) -> str:
    """A number in the shortest form that reads back the same; anything else as its text."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


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


def _finalize(value: object) -> object:
    if type(value) is str and value.isprintable():
        return value  # none of the unfit characters is printable, and this is said sooner
    return plain_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


# --- Markdown --------------------------------------------------------------------------------------------------------

_TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "div", "dl", "dt", "em",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s",
    "samp", "small", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u",
    "ul", "var",
})  # fmt: skip
_ATTRIBUTES = {
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
    source = plain_text(str(text))
    try:
        dirty = _converter().convert(source) if not _is_tangled(source) else f"<pre>{html.escape(source)}</pre>"
    except Exception:  # python-markdown fails on some texts, e.g. by too deep nesting
        _local.converter = None
        dirty = f"<pre>{html.escape(source)}</pre>"
    seen: set[str] = set()

    def keep(_tag: str, name: str, value: str) -> str | None:
        # Without angle brackets in attributes, what looks like a tag in the result is one.
        value = value.replace("<", "").replace(">", "")
        if name == "id":
            new = f"{prefix}-{value}"
            if new in seen or not _FOOTNOTE.fullmatch(value):
                return None
            seen.add(new)
            return new
        if name == "href":
            return (
                f"#{prefix}-{value[1:]}"
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

    clean = nh3.clean(
        dirty,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=keep,
        url_schemes=set(SAFE_SCHEMES),
        link_rel="noopener nofollow",
    )
    clean = re.sub(r"<img(?![^>]* src=)[^>]*>", "", clean)
    clean = re.sub(r"<img(?![^>]* alt=)", '<img alt=""', clean)
    # S704: the text has just been sanitised, and `prefix` is the template's own.
    return Markup(_with_regions(_with_levels(clean, level), prefix).strip())  # noqa: S704


def _is_tangled(source: str) -> bool:
    """Whether converting would take too long: it takes the square of the open brackets of a paragraph, and of lines."""
    if len(source) > LONGEST_MARKDOWN or source.count("\n") > _MOST_LINES:
        return True
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
        label = html.escape(f"Table {number}: {prefix.replace('-', ' ')}")
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
    """The thread's converter: it keeps state while it runs, and making one costs more than most texts."""
    converter = getattr(_local, "converter", None)
    if converter is None:
        converter = _local.converter = python_markdown.Markdown(
            extensions=["tables", "fenced_code", "footnotes", "sane_lists", _CatalogMarkdown()],
            extension_configs={
                "tables": {"use_align_attribute": True},
                "footnotes": {"BACKLINK_TITLE": "Back to text {}"},
            },
        )
    converter.reset()
    return converter
