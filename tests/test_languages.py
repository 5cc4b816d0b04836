"""The words of the site: each is in the catalog for translators, and French is complete."""

from __future__ import annotations

import importlib
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from brackets import find_left, speaking_brackets
from shared import ROOT
from sources import french_kinds

from builder.pipeline import Build, Settings, build
from builder.words import FOLDER, Words, list_figures, load, say, say_count, speaking
from builder.workers import Workers, open_pool

LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.po"))
PLACE = re.compile(r"\{\d+\}")


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/make_words.py."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("make_words")


def _pages(made: Build) -> dict[str, str]:
    return {a.path: a.content.decode() for a in made.artifacts if isinstance(a.content, bytes)}


def _build(source: Path, folder: Path, language: str = "fr") -> dict[str, str]:
    """The files of a source folder in a language, as text."""
    shutil.copytree(source, folder)
    with (folder / "catalog.yml").open("a") as file:
        file.write(f"\nlanguage: {language}\n")
    made = build(Settings(folder))
    assert [d for d in made.diagnostics if d.severity == "error"] == []
    return _pages(made)


# --- the catalog -----------------------------------------------------------------------------------------------------


def test_there_is_french() -> None:
    assert "fr" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_has_its_translation(language: str, tool: ModuleType) -> None:
    catalog = tool.read_catalog(FOLDER / f"{language}.po")
    wanted = {m.id if isinstance(m.id, str) else tuple(m.id) for m in tool.to_template() if m.id}
    held = {m.id if isinstance(m.id, str) else tuple(m.id): m for m in catalog if m.id}
    assert wanted - held.keys() == set(), "python benchmarks/make_words.py adds them"
    assert held.keys() - wanted == set(), "python benchmarks/make_words.py removes them"
    for message in held.values():
        texts = tool.strings(message.string)
        assert all(texts), message.id
        assert not message.fuzzy, message.id
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        places = {frozenset(PLACE.findall(text)) for text in originals}
        assert {frozenset(PLACE.findall(text)) for text in texts} == places, message.id
        for text in texts:
            assert re.findall(r"<[^>]*>", text) == re.findall(r"<[^>]*>", originals[0]), message.id
            spaces = [(t[:1].isspace(), t[-1:].isspace()) for t in (text, originals[0])]
            assert spaces[0][1] == spaces[1][1], message.id
    assert catalog.num_plurals == len(Words(language, load(language).translations).forms)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_read_was_made_of_what_people_edit(language: str, tool: ModuleType) -> None:
    catalog = tool.read_catalog(FOLDER / f"{language}.po")
    assert (FOLDER / f"{language}.mo").read_bytes() == tool.compile_catalog(catalog)
    assert (FOLDER / "scripts.txt").read_text("utf-8").splitlines() == tool.script_lines()


def test_the_schema_knows_the_languages_that_there_are() -> None:
    data = json.loads((ROOT / "builder/schemas/catalog-file.json").read_text("utf-8"))
    assert sorted(data["properties"]["language"]["enum"]) == sorted(["en", *LANGUAGES])


def test_no_message_of_one_form_is_one_of_two_forms_as_well(tool: ModuleType) -> None:
    messages = {message for _, message in tool.find_messages()}
    assert {m[0] for m in messages if isinstance(m, tuple)} & messages == set()


# --- nothing is left out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["tests/kinds", "tests/golden/source", "translated"])
def test_every_word_of_the_pages_is_a_message_or_stands_in_the_files(source: str, tmp_path: Path) -> None:
    with speaking_brackets(tmp_path / "languages"):
        if source == "translated":
            files = _pages(build(Settings(french_kinds(tmp_path / "source"))))
        else:
            files = _build(ROOT / source, tmp_path / "source")
    data = " ".join(p.read_text("utf-8") for p in (tmp_path / "source").rglob("*.yml"))
    data += " ".join(text for path, text in files.items() if path.endswith((".json", ".bib")))
    pages = {path: text for path, text in files.items() if path.endswith((".html", "feed.xml"))}
    left = find_left(pages, data)
    assert left == {}, "\n".join(f"{words!r}: {place!r}" for words, place in left.items())


# --- how it is said --------------------------------------------------------------------------------------------------


def test_messages_are_in_the_language_that_is_set_and_in_english_otherwise() -> None:
    assert say("License") == "License"
    with speaking("fr"):
        assert say("License") == "Licence"
        assert say("Bands of {0}", "a{0}") == "Bandes de a{0}"
        assert [say_count("{0} model", "{0} models", n) for n in (0, 1, 2, 1234)] == [
            "0 modèle", "1 modèle", "2 modèles", "1\u202f234 modèles",
        ]  # fmt: skip
        with speaking("en"):
            assert say_count("{0} model", "{0} models", 0) == "0 models"
        assert say("No such message.") == "No such message."
    assert say("License") == "License"


def test_a_language_without_words_is_english() -> None:
    assert load("xx") == Words()


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("en", "ltr"),
        ("fr", "ltr"),
        ("ar", "rtl"),
        ("fa-AF", "rtl"),
        ("AR", "rtl"),
        ("az-Arab", "rtl"),
        ("ar-Latn", "ltr"),
    ],
)
def test_languages_have_their_direction(language: str, direction: str) -> None:
    assert Words(language).direction == direction


def test_numbers_are_written_as_the_language_has_them() -> None:
    from builder.templates import format_filesize, format_number, format_short

    with speaking("fr"):
        assert [format_number(n) for n in (0.25, 10, 1e-05, "1.5")] == ["0,25", "10", "1e-05", "1.5"]
        assert format_short(24_500_000) == "24,5 M"
        assert format_filesize(37_800_000) == "37,8 Mo"
        assert format_filesize(12) == "12 octets"
        assert list_figures(["29.9", "-2"]) == "29,9; -2"
    assert list_figures(["29.9", "-2"]) == "29.9, -2"


def test_only_what_is_read_by_people_changes_with_the_language(tmp_path: Path) -> None:
    english = _build(ROOT / "tests/kinds", tmp_path / "en", "en")
    french = _build(ROOT / "tests/kinds", tmp_path / "fr", "fr")
    assert french.keys() - english.keys() == {"assets/words.js"}
    differ = {path for path, text in english.items() if french[path] != text and not path.endswith(".html")}
    # This collection has no file, so its description is the program's.
    assert differ <= {"feed.xml", "search/index.js", "other/collection.json"}
    assert '"description": "Modèles de la collection other."' in french["other/collection.json"]
    for path in (path for path in french if path.endswith(".html")):
        assert '<html lang="fr">' in french[path]
        assert '<html lang="en">' in english[path]
        top = "../" * path.count("/")
        assert f'<script src="{top}assets/words.js"></script>\n<script src="{top}assets/site.js">' in french[path]
        assert "words.js" not in english[path]


def test_processes_speak_the_language_of_the_site(tmp_path: Path) -> None:
    source = Settings(french_kinds(tmp_path))
    with open_pool(2) as opened:
        elsewhere = build(source, workers=Workers(opened.executor, opened.jobs))
    assert _pages(elsewhere) == _pages(build(source))


def test_an_unknown_language_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "c").mkdir(parents=True)
    (source / "catalog.yml").write_text("language: fre\n")
    (source / "c/a.yml").write_text("description: A.\ndlm:outputs: {task: regression}\n")
    (found,) = (d for d in build(Settings(source)).diagnostics if d.severity == "error")
    assert (found.span.line, found.span.column) == (1, 11)
    assert "fr" in str(found.hint)
