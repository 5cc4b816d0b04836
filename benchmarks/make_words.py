"""The words of the site for translators: `python benchmarks/make_words.py` brings `builder/languages` up to date.

It gathers every message of the templates, of `builder` and of the scripts, merges them into each `<language>.po`, where
new ones stand without a translation, compiles `<language>.mo`, and writes `scripts.txt`, the messages that scripts say.
`python benchmarks/make_words.py de` begins a language. Needs Babel, which is in the extra `test`.
"""

from __future__ import annotations

import ast
import gettext
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from builder.compiling import Environment
from builder.templates import FILTERS, find_templates
from builder.words import FOLDER, Words

ROOT = Path(__file__).resolve().parent.parent
Message = str | tuple[str, str]
NAMES = {"say": 1, "mark": 1, "say_count": 2, "sayCount": 2, "count": 2}
"""How many texts the functions take."""


class _Recorder(Words):
    """Words that note what they are asked for."""

    def __init__(self) -> None:
        super().__init__(translations=gettext.NullTranslations())
        object.__setattr__(self, "asked", {})

    def find(self, text: str) -> str:
        self.asked[text] = None  # type: ignore[attr-defined]
        return text

    def find_form(self, one: str, many: str, form: int) -> str:
        self.asked[one, many] = None  # type: ignore[attr-defined]
        return many if form else one


def find_messages() -> Iterator[tuple[str, Message]]:
    """Every message, with the file that it is in, as seen from the root of the repository."""
    templates = find_templates()
    for path in sorted([*templates.glob("*.*"), *templates.glob("parts/*.html")]):
        if path.suffix in (".html", ".xml", ".txt"):
            recorder = _Recorder()
            environment = Environment({}, recorder)
            environment.filters.update(FILTERS)
            environment.parse(path.read_text("utf-8"))
            yield from ((_place(path), message) for message in recorder.asked)  # type: ignore[attr-defined]
    for path in sorted((ROOT / "builder").rglob("*.py")):
        yield from ((_place(path), message) for message in _in_python(path))
    for path in sorted((templates / "static").glob("*.js")):
        yield from ((_place(path), message) for message in _in_script(path))


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _in_python(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            wanted = [arg.value for arg in node.args[: NAMES[node.func.id]] if isinstance(arg, ast.Constant)]
            if len(wanted) == NAMES[node.func.id] and all(isinstance(text, str) for text in wanted):
                yield wanted[0] if len(wanted) == 1 else (wanted[0], wanted[1])


def _in_script(path: Path) -> Iterator[Message]:
    file = io.BytesIO(path.read_bytes())
    for _, function, texts, _ in extract_javascript(file, list(NAMES), [], {"encoding": "utf-8"}):
        found = list(texts) if isinstance(texts, (list, tuple)) else [texts]
        wanted = found[: NAMES[function]]
        if len(wanted) == NAMES[function] and all(isinstance(text, str) and text for text in wanted):
            yield wanted[0] if len(wanted) == 1 else (wanted[0], wanted[1])


def to_template() -> Catalog:
    """All messages, without translations."""
    catalog = Catalog(fuzzy=False)
    for place, message in find_messages():
        catalog.add(message, locations=[(place, 0)])
    return catalog


def script_lines() -> list[str]:
    """The messages that scripts say, one a line; the forms of one about a number have a tab between them."""
    said = {message for place, message in find_messages() if place.endswith(".js")}
    return sorted(message if isinstance(message, str) else "\t".join(message) for message in said)


def read_catalog(path: Path) -> Catalog:
    """The catalog of a language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem, abort_invalid=True)


def write_catalog(catalog: Catalog, path: Path) -> None:
    """The catalog for people, sorted, with the files that each message is in."""
    for message in catalog:
        message.locations = sorted({(place, None) for place, _ in message.locations})  # type: ignore[misc]
    made = io.BytesIO()
    catalog.header_comment = f"# The words of the site: {catalog.locale_identifier}."
    write_po(made, catalog, width=120, sort_output=True, omit_header=False, ignore_obsolete=True, include_lineno=False)
    path.write_bytes(made.getvalue())


class _Unsigned(Catalog):
    """A catalog that does not say which version of Babel wrote it, so that each one writes the same."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:  # type: ignore[override]
        return [(name, value) for name, value in super().mime_headers if name != "Generated-By"]


def compile_catalog(catalog: Catalog) -> bytes:
    """The catalog as the program reads it."""
    unsigned, made = _Unsigned(), io.BytesIO()
    vars(unsigned).update(vars(catalog))
    write_mo(made, unsigned)
    return made.getvalue()


def main(languages: list[str]) -> None:
    """Brings all languages up to date, and begins those that are named."""
    template = to_template()
    for path in sorted({*FOLDER.glob("*.po"), *(FOLDER / f"{language}.po" for language in languages)}):
        catalog = read_catalog(path) if path.is_file() else Catalog(path.stem, fuzzy=False)
        catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
        write_catalog(catalog, path)
        path.with_suffix(".mo").write_bytes(compile_catalog(read_catalog(path)))
        missing = sum(1 for message in catalog if message.id and not all(strings(message.string)))
        sys.stdout.write(f"{path.name}: {len(catalog)} messages, {missing} without a translation\n")
    (FOLDER / "scripts.txt").write_text("".join(f"{line}\n" for line in script_lines()), "utf-8")


def strings(string: object) -> list[str]:
    """The forms of a translation; empty ones where there is none."""
    return [str(part or "") for part in string] if isinstance(string, (list, tuple)) else [str(string or "")]


if __name__ == "__main__":
    main(sys.argv[1:])
