"""A site in French in a real browser: accessible, in French to the last word, with numbers as French has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from brackets import find_left, speaking_brackets
from playwright.sync_api import Page
from sources import french_kinds

from builder.output import publish
from builder.pipeline import Settings, build

pytestmark = pytest.mark.browser

PAGES = {
    "home": "index.html",
    "filtered": "index.html?q=sentinel&band=nir&gsd=0.5..20&compare=crops,ships-2",
    "collection": "optical/index.html",
    "card": "optical/ships-2/index.html",
    "card-translated": "neige/nuages/index.html",
    "card-foreign": "radar/floods/index.html",
    "compare": "compare/index.html?ids=crops,ships-2,nuages,bare",
    "match": "match/index.html",
    "404": "404.html",
}
OPEN = "all => all.forEach(details => { details.open = true; })"


@pytest.fixture(scope="module")
def french(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a site in French whose models speak English, French and Arabic."""
    folder = tmp_path_factory.mktemp("french")
    made = build(Settings(french_kinds(folder / "source")))
    assert not made.failed, [d for d in made.diagnostics if d.severity == "error"]
    publish(made.artifacts, folder / "site")
    return (folder / "site").as_uri() + "/"


@pytest.fixture(scope="module")
def bracketed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of such a site, and its source, in a language that puts brackets around each message."""
    folder = tmp_path_factory.mktemp("bracketed")
    with speaking_brackets(folder / "languages"):
        publish(build(Settings(french_kinds(folder / "source"))).artifacts, folder / "site")
    return folder


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_french_page_is_accessible_and_fits(
    watched: Any, french: str, name: str, width: int, scheme: str, screenshot: Callable[..., None]
) -> None:
    page: Page = watched.open(
        french + PAGES[name], viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    assert page.get_attribute("html", "lang") == "fr"
    page.eval_on_selector_all(".translations details", OPEN)
    screenshot(page, f"fr-{name}-{width}", whole=True)
    found = Axe().run(page, options={"preload": False})
    assert found.violations_count == 0, found.generate_report()
    for size in (width, 320):
        page.set_viewport_size({"width": size, "height": 900})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("card")])
def test_key_figures_keep_apart_from_their_labels(watched: Any, french: str, name: str) -> None:
    page: Page = watched.open(french + PAGES[name])
    for width in (1000, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        gaps = page.eval_on_selector_all(
            ".figures > div, .answers > div",
            """rows => rows.map(row => {
                const range = document.createRange();
                range.selectNodeContents(row.querySelector("dt"));
                return row.querySelector("dd").getBoundingClientRect().left - range.getBoundingClientRect().right;
            })""",
        )
        assert len(gaps) >= 10
        assert min(gaps) >= 8


def test_numbers_are_written_as_french_has_them(watched: Any, french: str) -> None:
    page: Page = watched.open(french + "neige/nuages/index.html")
    assert page.locator(".figures div", has_text="Résolution").locator("dd").inner_text() == "0,5 m"
    assert page.locator(".flow li", has_text="Mise à l’échelle").locator(".value").inner_text() == "× 0,25"
    page.goto(french + "index.html?gsd=0.5..20")
    assert page.locator(".chip", has_text="0,5 à 20").count() == 1
    fields = page.locator("fieldset.range input[placeholder]")
    marks = [fields.nth(at).get_attribute("placeholder") or "" for at in range(fields.count())]
    assert any("," in mark for mark in marks)
    assert not any("." in mark for mark in marks)
    page.goto(french + "compare/index.html?ids=crops,ships-2")
    cells = page.locator(".comparison").inner_text()
    assert "optical : 0,131; 0,122; 0,113; 0,244" in cells.replace("\u00a0", " ")
    assert "29,9; -2,1; 30,2; -1,9" in cells
    assert re.search(r"Facteur d’échelle\s+0,0001\s", cells)


def test_a_title_in_another_language_is_marked_where_scripts_show_it(watched: Any, french: str) -> None:
    page: Page = watched.open(french + "index.html")
    for title, language in (("Masque de nuages", None), ("Neige", None), ("Crops of one valley", "en")):
        assert page.locator("[data-results] a", has_text=title).get_attribute("lang") == language
    page.goto(french + "compare/index.html?ids=crops,nuages")
    assert page.locator(".comparison a", has_text="Crops").get_attribute("lang") == "en"
    assert page.locator(".comparison a", has_text="Masque").get_attribute("lang") is None
    page.goto(french + "match/index.html")
    page.check("[data-bands] input[value='red']")
    assert page.locator("[data-results] a", has_text="Crops").get_attribute("lang") == "en"


@pytest.mark.parametrize("query", ["masque", "cloud mask", "shadows", "قناع"])
def test_a_model_is_found_in_each_of_its_languages(watched: Any, french: str, query: str) -> None:
    page: Page = watched.open(french + "index.html")
    page.fill("[data-query]", query)
    found = page.locator("[data-results] a")
    page.wait_for_function("() => document.querySelectorAll('[data-results] a').length === 1")
    assert found.inner_text() == "Masque de nuages"


def test_other_languages_are_read_without_scripts(watched: Any, french: str) -> None:
    page: Page = watched.open(french + "neige/nuages/index.html", java_script_enabled=False)
    texts = page.locator(".translations p[lang='ar'] strong")
    assert not texts.is_visible()
    page.click(".translations summary[lang='ar']")
    assert texts.inner_text() == "قناع السحب"
    page.click(".translations summary[lang='en']")
    assert page.locator(".translations [lang='en']", has_text="And their shadows.").is_visible()


def test_every_word_that_scripts_show_is_a_message_or_stands_in_the_files(watched: Any, bracketed: Path) -> None:
    site = (bracketed / "site").as_uri() + "/"
    seen: dict[str, str] = {}
    page: Page = watched.open(site + "index.html")

    def note(name: str) -> None:
        seen[name] = page.content()

    note("home")
    page.eval_on_selector_all("details", OPEN)
    page.fill("[data-query]", "sentinel")
    page.locator("[data-filters] input[type=checkbox]").first.check()
    page.locator("fieldset.range input[type=number]").first.fill("1")
    for box in page.locator("[data-results] input[type=checkbox]").all()[:2]:
        box.check()
    note("filtered")
    page.goto(site + "index.html?q=nothingatall")
    note("empty")
    page.goto(site + "index.html?deprecated=only&gsd=..20&parameters=1..")
    note("outdated")
    for ids in ("", "crops", "crops,ships-2,nuages", "crops,heights", "minerals,heat,floods", "ships-1,nothing"):
        page.goto(site + f"compare/index.html?ids={ids}")
        note(f"compare {ids}")
        page.fill("[data-add]", "s")
        note(f"compare {ids}, adding")
    page.goto(site + "match/index.html")
    note("match")
    page.fill("[data-fact='sensor']", "sentinel-2")
    page.fill("[data-fact='gsd']", "20")
    page.fill("[data-fact='level']", "L1C")
    page.check("[data-bands] input[value='red']")
    note("match by facts")
    for text in ("{", "[]", '{"type": "Feature"}', ITEM):
        page.fill("[data-text]", text)
        page.wait_for_timeout(400)
        page.eval_on_selector_all("details", OPEN)
        note(f"match {text}")
    page.goto(site + "optical/ships-2/index.html")
    note("card")
    page.click("[data-theme-switch]")
    note("card, dark")
    data = " ".join(path.read_text("utf-8") for path in (bracketed / "source").rglob("*.yml"))
    data += " ".join(path.read_text("utf-8") for path in (bracketed / "site").rglob("*.json"))
    left = find_left(seen, data + ITEM + " nothingatall")
    assert left == {}, "\n".join(f"{word!r}: {place!r}" for word, place in left.items())


ITEM = """{"type": "Feature", "stac_version": "1.1.0", "id": "an-image", "bbox": [7.0, 46.0, 7.1, 46.1], "links": [],
 "properties": {"datetime": "2023-05-01T00:00:00Z", "constellation": "sentinel-2", "gsd": 12, "processing:level": "L1"},
 "assets": {"red": {"href": "red.tif", "data_type": "uint8", "eo:bands": [
 {"name": "B04", "common_name": "red", "center_wavelength": 0.665}, {"name": "X", "center_wavelength": 0.5}]}}}"""
