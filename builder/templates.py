"""Stage 6, render: the template snapshot, its Jinja environment, and the filters that make data safe to show.

A snapshot holds every template as text, so it travels to worker processes and its digest is part of a card's cache
key. What models say reaches a template only as a value: it is escaped, or it goes through `markdown` or `safe_href`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from builder.compiling import Environment
from builder.plain_yaml import read_plain
from builder.prose import markdown, safe_href
from builder.quick_code import shown
from builder.words import ENGLISH, Words, current, format_whole, load, localize, say, speaking

DEFAULT = "default/"
"""Under this prefix the template that an override replaces stays reachable, to extend it."""
_STATIC = "static/"
_TEMPLATE_SUFFIXES = (".html", ".xml", ".txt")
_APART = ("mkdocs/", "deploy/")
"""Folders of `site_templates` that are not pages of the catalog."""
API = 1
"""Version of what templates can rely on: names, filters, macros, blocks. It rises when one of them goes or changes."""
ABOUT_FILE = "templates.yml"
"""The file in which a folder of templates says the version of the API that it was written for."""
LOGOS = ("logo.svg", "logo.png", "logo.webp")
CUSTOM_CSS = "custom.css"
_PAGE = re.compile(r"pages/([a-z0-9][a-z0-9-]*)\.(md|html)")


class TemplatesError(Exception):
    """The templates cannot be read or rendered; the message names the file and what is wrong."""


# --- the snapshot ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Templates:
    """Every template by name, every static file by its path below `assets/`, and a digest over both.

    `pages` are the pages that a folder of templates adds, by their path in the site: title and Markdown, or the title
    alone where the page is a template of its own.
    """

    sources: Mapping[str, str]
    static: Mapping[str, bytes]
    digest: str
    pages: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    language: str = ENGLISH

    @property
    def logo(self) -> str:
        """The file name of the logo in `assets/`; empty where there is none."""
        return next((name for name in LOGOS if name in self.static), "")

    @property
    def custom_css(self) -> str:
        """The file name of the style sheet that comes after the site's own; empty where there is none."""
        return CUSTOM_CSS if CUSTOM_CSS in self.static else ""

    def speaking(self, language: str) -> Templates:
        """The same templates in a language."""
        return self if language == ENGLISH else replace(self, language=language, digest=f"{self.digest} {language}")

    def render(self, name: str, **context: Any) -> str:
        """The template's text with the context filled in. Raises TemplatesError, with file and line."""
        try:
            with speaking(self.language):
                return _environment(self).fill(name, context)
        except jinja2.TemplateSyntaxError as error:
            raise TemplatesError(f"template {error.name or name}, line {error.lineno}: {error.message}") from error
        except jinja2.TemplateError as error:
            raise TemplatesError(f"template {name}: {type(error).__name__}: {error.message}") from error
        except RecursionError as error:
            raise TemplatesError(f"template {name}: it includes, extends or calls itself without end") from error


def read_templates(overrides: Path | None = None) -> Templates:
    """The templates of the package, with the files of the folder `overrides` in place of those of the same name."""
    originals = dict(_files(find_templates()))
    sources = {name: _text(name, content) for name, content in originals.items() if name.endswith(_TEMPLATE_SUFFIXES)}
    static = {name.removeprefix(_STATIC): data for name, data in originals.items() if name.startswith(_STATIC)}
    sources |= {DEFAULT + name: text for name, text in sources.items()}
    pages: dict[str, tuple[str, str | None]] = {}
    if overrides is not None:
        if not overrides.is_dir():
            raise TemplatesError(f"the template folder {overrides} does not exist")
        for name, content in _files(overrides):
            if name == ABOUT_FILE:
                _check_api(overrides / name, _text(name, content))
            elif name.startswith(_STATIC):
                static[name.removeprefix(_STATIC)] = content
            elif name.startswith("pages/"):
                path, page = _to_page(name, _text(name, content))
                if path in pages:
                    raise TemplatesError(f"{name}: two files make the page {path}; keep one of them")
                pages[path] = page
                if page[1] is None:
                    sources[name] = _text(name, content)
            elif name.endswith(_TEMPLATE_SUFFIXES) and not name.startswith(DEFAULT):
                sources[name] = _text(name, content)
    return Templates(sources, static, _digest(sources, static, pages), pages)


def _check_api(location: Path, text: str) -> None:
    """Raises TemplatesError where the folder was written for another version of the API, or does not say which."""
    plain, about = read_plain(text, 100, 3)
    stated = about.get("api") if plain and isinstance(about, dict) else None
    if not plain or not isinstance(about, dict) or isinstance(stated, bool) or not isinstance(stated, int):
        raise TemplatesError(f"{location} must give the version of the template API as a whole number, api: {API}")
    if unknown := sorted(about.keys() - {"api"}):
        raise TemplatesError(f"{location}: there is no key {unknown[0]}; the only one is api")
    if stated != API:
        raise TemplatesError(
            f"{location}: the templates were written for version {stated} of the template API, and this is version "
            f"{API}; compare them with the page “Templates” of the documentation, then state api: {API}"
        )


def _to_page(name: str, text: str) -> tuple[str, tuple[str, str | None]]:
    """The path of a page that was added, its title, and its Markdown where it is no template."""
    match = _PAGE.fullmatch(name)
    if match is None:
        raise TemplatesError(
            f"{name} is no page: names are made of a-z, 0-9 and -, and end in .md or .html, such as pages/about.md"
        )
    path, title = f"pages/{match[1]}.html", match[1].replace("-", " ").capitalize()
    if match[2] == "html":
        return path, (title, None)
    heading = re.match(r"\s*# +(.+?) *#*\s*(?:\n|$)", text)
    return path, (heading[1], text[heading.end() :]) if heading else (title, text)


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


def _digest(
    sources: Mapping[str, str], static: Mapping[str, bytes], pages: Mapping[str, tuple[str, str | None]]
) -> str:
    state = hashlib.sha256()
    parts = [(name, text.encode()) for name, text in sources.items()]
    parts += [(path, f"{title}\0{text or ''}".encode()) for path, (title, text) in pages.items()]
    parts += [(_STATIC + name, content) for name, content in static.items()]
    for name, content in sorted(parts):
        state.update(f"{name}\0{len(content)}\0".encode())
        state.update(content)
    return state.hexdigest()


_environments: dict[str, Environment] = {}


def _environment(templates: Templates) -> Environment:
    """The environment of a snapshot, made once per process: compiling the templates costs more than many cards."""
    environment = _environments.get(templates.digest)
    if environment is None:
        environment = Environment(templates.sources, load(templates.language))
        environment.filters.update(FILTERS)
        # The preview server makes a new snapshot at every save: the old ones need not stay.
        _environments.clear()
        _environments[templates.digest] = environment
    return environment


# --- numbers -----------------------------------------------------------------------------------------------


def format_short(value: float) -> str:
    """A number to three digits with a letter for its size: 24.5 M."""
    return _scaled(value, ("", " k", " M", " G", " T"), whole=True)


def format_filesize(value: float) -> str:
    """A size in bytes as people say it, in powers of 1000: 37.8 MB."""
    units = say(" bytes"), say(" kB"), say(" MB"), say(" GB"), say(" TB"), say(" PB")
    return _scaled(value, units, whole=True)


def _scaled(value: float, units: tuple[str, ...], *, whole: bool) -> str:
    if whole and abs(value) < 1000:
        return f"{format_number(value)}{units[0]}"
    number, step = _scale(value, len(units) - 1)
    return f"{format_number(number)}{units[step]}"


@functools.lru_cache(maxsize=512)  # a card shows the same sizes several times
def _scale(value: float, most: int) -> tuple[float, int]:
    """The number to three digits, and how often it was divided by 1000."""
    step = 0
    while step < most and abs(float(f"{value:.3g}")) >= 1000:
        value, step = value / 1000, step + 1
    return float(f"{value:.3g}"), step


def format_moment(value: str | None) -> str:
    """A time as people read it: without the time of day where that is the start or the end of the day."""
    text = (value or "").removesuffix("T00:00:00Z").removesuffix("T23:59:59Z")
    return text.replace("T", " ").replace("Z", say(" UTC"))


def format_number(value: Any) -> str:
    """A number in the shortest form that reads back the same, with the mark of the language; else its text."""
    if type(value) is str:
        return value
    text = format_plain(value)
    return localize(text) if isinstance(value, float) else text


def format_plain(value: Any) -> str:
    """A number as it is written in code; anything else as its text."""
    if type(value) is float:
        return _float_text(value)
    if isinstance(value, float):
        return _float_text(float(value))
    return repr(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


@functools.lru_cache(maxsize=4096)  # wavelengths, means, sizes: most come again in the next model
def _float_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def field_rows(rows: Iterable[tuple[str, str]]) -> Markup:
    """Table rows of a field's name, as code, and its value.

    Made here rather than by a loop in the template: the table of every field is half of what a card prints.
    """
    # S704: what is put together has been escaped.
    return Markup(  # noqa: S704
        "".join([f"<tr><td><code>{shown[name]}</code></td><td>{shown[value]}</td></tr>\n" for name, value in rows])
    )


def format_language(tag: str | None) -> Markup:
    """The attributes of an element whose text is in this language; none where it is None or empty, the page's own."""
    if not tag:
        return Markup("")
    direction = Words(tag).direction
    attributes = f' lang="{escape(tag)}"' + (f' dir="{direction}"' if direction != current().direction else "")
    return Markup(attributes)  # noqa: S704  what is put together has been escaped


FILTERS = {
    "count": format_whole, "short": format_short, "num": format_number, "filesize": format_filesize,
    "moment": format_moment, "markdown": markdown, "safe_href": safe_href, "field_rows": field_rows,
    "lang": format_language,
}  # fmt: skip
"""What templates have besides Jinja's own filters."""
