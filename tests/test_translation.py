"""What a model says in several languages: which texts the site shows, and how the others are marked and reached."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sources import CLOUDS, SNOW, write

from builder import schema
from builder.authoring import to_canonical
from builder.document import parse
from builder.model import Model, to_model
from builder.pipeline import Build, Settings, build
from builder.templates import format_language
from builder.translation import find_language, to_language
from builder.words import name_of, speaking

WATER = "title: Water mask\ndescription: Marks water.\nlanguage: en\ndlm:outputs: {task: semantic segmentation}\n"


def read(text: str, language: str = "en") -> Model:
    document, _ = parse("a.yml", text)
    assert document is not None
    return to_model(to_canonical(document, "c/a.yml").data, language)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A site in French of a model with a translation, one in English only, and one in French."""
    folder = tmp_path_factory.mktemp("source")
    files = {"clouds": CLOUDS, "water": WATER, "snow": SNOW}
    write(folder, {"catalog.yml": "title: Modèles\nlanguage: fr\n", **{f"c/{k}.yml": v for k, v in files.items()}})
    result = build(Settings(folder))
    assert [d for d in result.diagnostics if d.severity != "note" and d.rule != "extension-unresolvable"] == []
    return result


@pytest.fixture(scope="module")
def pages(made: Build) -> dict[str, str]:
    return {a.path: a.content.decode() for a in made.artifacts if isinstance(a.content, bytes)}


# --- which texts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "wanted", "place"),
    [
        (["en", "fr"], "fr", 1),
        (["en", "FR"], "fr", 1),
        (["en", "fr-CA", "fr"], "fr", 2),
        (["en", "fr-CA"], "fr", 1),
        (["fr-CA", "fr-BE"], "fr", 0),
        (["en", "frp"], "fr", None),
        ([], "fr", None),
    ],
)
def test_the_tag_that_goes_with_a_language_is_found(tags: list[str], wanted: str, place: int | None) -> None:
    assert find_language(tags, wanted) == place


def test_a_model_has_the_texts_of_a_language_where_there_are_some() -> None:
    french = to_language(read(CLOUDS), "fr")
    assert (french.title, french.description) == ("Masque de nuages", "Repère les nuages.")
    assert french.card.sections["intended_use"] == "Pour masquer les nuages."
    assert french.card.sections["limitations"] == "Bright sand is taken for cloud."
    assert french.foreign == {"card.limitations": "en", "card.how_to_cite": "en"}
    assert [text.language for text in french.translations] == ["en", "ar"]
    assert (french.name, french.own_name) == ("Masque de nuages", "Cloud mask")


def test_a_model_without_a_language_is_in_that_of_the_catalog() -> None:
    model = read(SNOW, "fr")
    assert model.language == "fr"
    assert to_language(model, "fr") is model
    assert to_language(read(WATER, "fr"), "fr").foreign == {"title": "en", "description": "en"}
    german = to_language(read(CLOUDS), "de")
    assert german.title == "Cloud mask"
    assert set(german.foreign.values()) == {"en"}
    assert [text.language for text in german.translations] == ["fr", "ar"]


def test_a_language_is_a_tag_or_the_object_that_is_published() -> None:
    forms = ("language: fr", "language: {code: fr, name: Français}")
    assert [read(f"{WATER.replace('language: en', form)}").language for form in forms] == ["fr", "fr"]


def test_the_form_of_a_tag_is_said_once() -> None:
    data = schema.load(schema.MODEL_FILE)
    (pattern,) = data["properties"]["translations"]["patternProperties"]
    assert pattern == data["definitions"]["language"]["properties"]["code"]["pattern"]
    # Examples of RFC 5646, appendix A, and what is none.
    for tag in (
        "de", "zh-Hant", "zh-cmn-Hans-CN", "sl-rozaj-biske", "de-CH-1901", "hy-Latn-IT-arevela", "es-419",
        "de-CH-x-phonebk", "az-Arab-x-AZE-derbend", "de-a-value", "en-US-u-islamcal", "zh-CN-a-myext-x-private",
    ):  # fmt: skip
        assert re.search(pattern, tag), tag
    for text in ("french", "fr_CA", "de-419-DE", "a-DE", "fr-", "", "x", "fr ca"):
        assert not re.search(pattern, text), text


@pytest.mark.parametrize(
    ("tag", "name"), [("fr", "Français"), ("fr-CA", "Français (CA)"), ("FR", "Français"), ("gsw", "gsw")]
)
def test_a_language_has_its_own_name(tag: str, name: str) -> None:
    assert name_of(tag) == name


def test_a_text_in_another_language_says_so() -> None:
    assert format_language(None) == format_language("") == ""
    assert format_language("de") == ' lang="de"'
    assert format_language("ar") == ' lang="ar" dir="rtl"'
    assert format_language('"><script>') == ' lang="&#34;&gt;&lt;script&gt;"'
    with speaking("fr"):
        assert format_language("he-IL") == ' lang="he-IL" dir="rtl"'


# --- the site --------------------------------------------------------------------------------------------------------


def test_the_card_shows_the_language_of_the_site_and_has_the_others(pages: dict[str, str]) -> None:
    card = pages["c/clouds/index.html"]
    assert "<h1>Masque de nuages</h1>" in card
    assert '<p class="lead">Repère les nuages.</p>' in card
    assert '<div class="prose" lang="en"><p>Bright sand is taken for cloud.</p>' in card
    assert '<div class="prose" lang="en"><p>As you like.</p>' in card
    assert '<div class="prose"><p>Pour masquer les nuages.</p>' in card
    assert re.findall(r'<summary lang="(\w+)"(?: dir="rtl")?>(\w+)</summary>', card) == [
        ("en", "English"),
        ("ar", "العربية"),
    ]
    assert '<p lang="ar" dir="rtl"><strong>قناع السحب</strong></p>' in card
    assert '<div class="prose" lang="en"><p>Marks clouds.</p>\n<p>And their shadows.</p></div>' in card
    assert '<p class="muted">Usage prévu</p>\n    <div class="prose" lang="en"><p>To mask clouds.</p></div>' in card


def test_a_text_without_a_translation_is_marked_wherever_it_stands(pages: dict[str, str]) -> None:
    assert '<h1 lang="en">Water mask</h1>' in pages["c/water/index.html"]
    assert '<p class="lead" lang="en">Marks water.</p>' in pages["c/water/index.html"]
    for path in ("index.html", "c/index.html", "search/tasks.html", "search/sensors.html"):
        assert 'c/water/index.html" lang="en">Water mask</a>' in pages[path], path
        assert 'c/clouds/index.html">Masque de nuages</a>' in pages[path], path
    index = json.loads(pages["search/index.js"].partition("JSON.parse('")[2].rpartition("')")[0])
    assert index["languages"] == {"water": "en"}
    assert sorted(index["titles"]) == ["Masque de nuages", "Neige", "Water mask"]
    snow = pages["c/snow/index.html"]
    assert re.findall(r' lang="\w+"', snow) == [' lang="fr"']


def test_the_item_keeps_what_the_author_wrote(pages: dict[str, str]) -> None:
    properties = json.loads(pages["c/clouds/clouds.json"])["properties"]
    assert properties["title"] == "Cloud mask"
    assert properties["language"] == {"code": "en"}
    assert properties["translations"]["fr"]["card"] == {"intended_use": "Pour masquer les nuages."}
    assert "language" not in json.loads(pages["c/snow/snow.json"])["properties"]
    assert "Cloud mask" in pages["c/clouds/clouds.bib"]


def test_a_published_item_with_translations_is_a_model_file(pages: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path, {"catalog.yml": "title: Models\n", "c/clouds.json": pages["c/clouds/clouds.json"]})
    result = build(Settings(tmp_path))
    again = {a.path: a.content.decode() for a in result.artifacts if isinstance(a.content, bytes)}
    first, second = (json.loads(found["c/clouds/clouds.json"])["properties"] for found in (pages, again))
    assert first == second
    assert "<h1>Cloud mask</h1>" in again["c/clouds/index.html"]
    assert '<summary lang="fr">Français</summary>' in again["c/clouds/index.html"]
