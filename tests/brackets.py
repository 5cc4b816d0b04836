"""A language that puts brackets around each message, and what a page says outside of them: it was not translated."""

from __future__ import annotations

import contextlib
import importlib
import re
import shutil
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from shared import ROOT

from builder import card, prose, templates, words
from builder.words import FOLDER, NAMES

FILE_NAME = re.compile(r"[\w.-]+\.(?:json|md|pbtxt|py|sh|yaml|yml)\b|urn:uuid:[0-9a-f-]+")
NOT_WORDS = {
    "api", "bibtex", "card", "dlm", "dockerfile", "doi", "feed", "json", "md", "mlm", "numpy", "onnx", "python", "stac",
    "yaml", "yml", "nm", "ghz", "sha", "multihash", "nan", "true", "false", "null", "dlm-catalog",
}  # fmt: skip
"""Names and formats, which are the same in every language."""
SPOKEN = ("aria-label", "title", "placeholder", "data-copy")


class _Seen(HTMLParser):
    """What a reader sees or hears of a page, but for code, which is the same in every language."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.attributes: list[str] = []
        self.apart: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes += [given[name] or "" for name in SPOKEN if name in given]
        if tag in ("code", "pre", "script"):
            self.apart.append(tag)
        if tag == "span":
            self.text += " ; "
        if tag == "meta" and given.get("name") == "description":
            self.attributes.append(given.get("content") or "")
        if tag not in ("a", "strong", "span", "b", "em", "tspan"):
            self.text += "\n"

    def handle_endtag(self, tag: str) -> None:
        if self.apart and self.apart[-1] == tag:
            self.apart.pop()
        if tag == "span":
            self.text += " ; "

    def handle_data(self, data: str) -> None:
        if not self.apart:
            self.text += data


def _strip(text: str) -> str:
    """The text without what stands in brackets."""
    depth, kept = 0, []
    for char in text:
        depth += char == "⟦"
        if not depth:
            kept.append(char)
        elif depth == 1 and char == "⟧":
            kept.append(";")
        depth -= char == "⟧"
    assert depth == 0, text
    return "".join(kept)


def _words(text: str) -> Iterator[str]:
    return (word.lower() for word in re.findall(r"[^\W\d_]{2,}", FILE_NAME.sub(" ", text)))


def _runs(text: str, length: int) -> Iterator[str]:
    """So many words in a row: one may be in a file by chance, a part of a sentence is not."""
    for part in re.split(r"[^\w '’-]+|[\d_]", FILE_NAME.sub(";", text)):
        words = list(_words(part))
        yield from (" ".join(words[at : at + length]) for at in range(len(words) - length + 1))


@contextlib.contextmanager
def speaking_brackets(folder: Path) -> Iterator[None]:
    """Has French be that language inside. Templates that were compiled for the other one are let go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        _write(importlib.import_module("make_words"), folder)
        patch.setattr(words, "FOLDER", folder)
        _forget()
        yield
    _forget()


def _forget() -> None:
    """What is kept by language."""
    words.load.cache_clear()
    templates._environments.clear()
    card._lead.cache_clear()
    prose._to_markup.cache_clear()
    prose._local.__dict__.clear()


def _write(tool: ModuleType, folder: Path) -> None:
    catalog = Catalog("fr", fuzzy=False)
    for message in tool.to_template():
        if message.id:
            if isinstance(message.id, str):
                catalog.add(message.id, f"⟦{message.id}⟧")
            else:
                one, many = message.id
                catalog.add(message.id, (f"⟦{one}⟧", *[f"⟦{many}⟧"] * (catalog.num_plurals - 1)))
    folder.mkdir()
    (folder / "fr.mo").write_bytes(tool.compile_catalog(catalog))
    shutil.copy(FOLDER / "scripts.txt", folder)


def find_left(pages: Mapping[str, str], data: str) -> dict[str, str]:
    """Words and parts of sentences on pages by their path that are neither in brackets nor in the data, and the places
    where they stand."""
    data += " ".join(NAMES.values())
    known, runs = {*NOT_WORDS, *_words(data)}, set(_runs(" ".join(re.sub("[*`]", "", data).split()), 3))
    left: dict[str, str] = {}
    for path, text in pages.items():
        seen = _Seen(text)
        for piece in (*seen.text.split("\n\n"), *seen.attributes):
            bare = _strip(piece)
            left |= {word: f"{path}: {bare.strip()}" for word in _words(bare) if word not in known}
            # The first word may be that of a field, before its value.
            left |= {run: f"{path}: {bare.strip()}" for run in _runs(bare, 4) if run.partition(" ")[2] not in runs}
    return left
