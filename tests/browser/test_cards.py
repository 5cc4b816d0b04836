"""Cards of every kind of model in a real browser: the first screen, the figures, what is copied, what is printed."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize
from pypdf import PdfReader
from shared import ROOT

pytestmark = pytest.mark.browser

KINDS = sorted(
    path.relative_to(ROOT / "tests/kinds").with_suffix("").as_posix()
    for path in ROOT.glob("tests/kinds/*/*.yml")
    if path.name != "collection.yml"
)
REAL = [
    "cloud-masks/csmask-unet-4b-l2a",
    "pleiades/thelper-unet",
    "sentinel-1/resnet50-sentinel1-all-moco",
    "sentinel-2/resnet50-sentinel2-all-moco",
]
PHONE: ViewportSize = {"width": 320, "height": 800}
NARROW: ViewportSize = {"width": 360, "height": 800}
WIDE: ViewportSize = {"width": 1280, "height": 800}


def card_of(site: Path, folder: str) -> str:
    return (site / folder / "index.html").as_uri()


@pytest.mark.parametrize(("viewport", "scheme"), [(NARROW, "light"), (WIDE, "dark")], ids=["narrow", "wide"])
@pytest.mark.parametrize("folder", KINDS)
def test_card_of_each_kind_is_accessible_and_fits(
    watched: Any, kinds: Path, folder: str, viewport: ViewportSize, scheme: str, screenshot: Callable[..., None]
) -> None:
    page: Page = watched.open(card_of(kinds, folder), viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    screenshot(page, f"kind-{Path(folder).name}-{viewport['width']}-{scheme}", whole=True)
    found = Axe().run(page, options={"preload": False})
    assert found.violations_count == 0, found.generate_report()
    for size in (viewport, PHONE):
        page.set_viewport_size(size)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]


def test_first_screen_answers_what_on_which_imagery_whether_and_how(watched: Any, kinds: Path, site: Path) -> None:
    some = [card_of(kinds, folder) for folder in KINDS] + [card_of(site, folder) for folder in REAL]
    every = [path.as_uri() for path in sorted(site.glob("*/*/index.html")) if path.parent.parent.name != "docs"]
    assert len(every) > 100
    page: Page = watched.open(some[0])
    for viewport, cards in ((NARROW, [*some, *every]), (WIDE, some)):
        page.set_viewport_size(viewport)
        for card in cards:
            page.goto(card)
            rows = page.eval_on_selector_all(
                ".answers > div",
                "rows => rows.map(row => [row.querySelector('dt').textContent, row.getBoundingClientRect().bottom])",
            )
            assert [label for label, _ in rows] == ["Task", "Imagery", "License", "Run"], card
            assert rows[-1][1] <= viewport["height"], (card, viewport["width"])


def test_pipeline_draws_every_input_and_head_and_what_is_missing(watched: Any, kinds: Path) -> None:
    page: Page = watched.open(card_of(kinds, "optical/ships-2"))
    assert page.locator(".lanes > ol").count() == 2
    assert page.locator(".heads > ol").count() == 2
    radar = page.locator(".lanes > ol").nth(1)
    assert radar.locator("li.missing").all_text_contents() == [
        "Band selection not stated",
        "Scaling not stated",
        "Normalization not stated",
    ]
    taken = [lane.locator(".value").first.text_content() for lane in page.locator(".lanes > ol").all()]
    assert taken == ["L2A", "L1"], "whose sensor is whose is not stated"
    page.goto(card_of(kinds, "other/bare"))
    assert page.locator(".flow li:not(.missing)").count() == 1, "the network alone is stated"


def test_footprints_of_all_sizes_can_be_seen(watched: Any, kinds: Path) -> None:
    page: Page = watched.open(card_of(kinds, "radar/floods"))
    read = "boxes => boxes.map(box => box.getBBox()).map(box => [box.x, box.x + box.width])"
    assert page.eval_on_selector_all(".footprint .box", read) == [[356.5, 360], [0, 2]]
    assert page.locator(".footprint .ring").count() == 2
    assert "across the antimeridian" in (page.locator(".footprint figcaption").text_content() or "")
    for folder in ("optical/crops", "other/crevasses"):
        page.goto(card_of(kinds, folder))
        ring = page.locator(".footprint .ring").bounding_box()
        assert ring
        assert ring["width"] > 10
    page.goto(card_of(kinds, "optical/heights"))
    assert page.locator(".footprint .whole").count() == 1
    assert page.locator(".footprint .ring").count() == 0


@pytest.mark.parametrize(
    ("folder", "total"),
    [
        ("optical/ships-2", "83,520"),
        ("optical/crops", "40,074"),
        ("optical/heights", "19,466"),
        ("optical/ships-1", "11,722"),
    ],
    ids=["torchsummary", "torchinfo", "Keras", "print(model)"],
)
def test_layers_of_each_program_are_a_chart(watched: Any, kinds: Path, folder: str, total: str) -> None:
    page: Page = watched.open(card_of(kinds, folder))
    assert f"{total} in all" in (page.locator(".stages figcaption").text_content() or "")


def test_other_summaries_stay_text(watched: Any, kinds: Path) -> None:
    page: Page = watched.open(card_of(kinds, "radar/floods"))
    assert page.locator(".stages").count() == 0
    page.click("text=Layer summary")
    region = page.get_by_role("region", name="Layer summary")
    assert region.is_visible()
    assert region.text_content() == "A U-Net of the usual form."


def test_classes_have_a_colour_or_a_pattern_of_their_own(watched: Any, kinds: Path) -> None:
    page: Page = watched.open(card_of(kinds, "optical/crops"))
    patterns = page.eval_on_selector_all(".legend .swatch path", "paths => paths.map(path => path.getAttribute('d'))")
    assert len(patterns) == 27
    assert len(set(patterns[1:25])) == 24, "as many patterns as there are, before one comes again"
    assert page.locator(".legend li").first.text_content() == " 0 unknown don't care"
    page.goto(card_of(kinds, "optical/ships-2"))
    assert page.locator(".legend .swatch rect").count() == 3
    assert page.locator(".legend .swatch .cross").count() == 1


def test_many_bands_stay_readable_and_light(watched: Any, kinds: Path) -> None:
    page: Page = watched.open(card_of(kinds, "other/minerals"))
    assert page.locator(".strip .bar").count() == 60
    assert page.get_by_text("H01, H02, H03 … H60").count() == 2
    assert not page.locator(".channels").is_visible()
    page.click("text=Table of 60 bands")
    assert page.locator(".channels tbody tr:visible").count() == 60


@pytest.mark.parametrize("folder", KINDS)
def test_card_of_each_kind_is_light(kinds: Path, folder: str) -> None:
    content = (kinds / folder / "index.html").read_bytes()
    assert len(content) < 60_000
    assert len(gzip.compress(content, 9)) < 15_000


def test_a_deprecated_card_leads_to_its_successor(watched: Any, kinds: Path) -> None:
    page: Page = watched.open(card_of(kinds, "optical/ships-1"))
    page.locator(".banner a").click()
    page.wait_for_url("**/optical/ships-2/index.html")
    assert page.locator(".versions tbody tr").count() == 2


def test_raw_files_are_one_click_away(watched: Any, address: str, site: Path) -> None:
    folder = REAL[0]
    page: Page = watched.open(f"{address}{folder}/index.html")
    for label, suffix in (("Item JSON", ".json"), ("YAML source", ".yml")):
        link = page.get_by_role("link", name=label, exact=True)
        assert link.is_visible()
        assert (site / folder / (link.get_attribute("href") or "")).name == Path(folder).name + suffix
        assert (site / folder / (link.get_attribute("href") or "")).is_file()


def test_every_section_is_reached_from_the_contents(watched: Any, kinds: Path) -> None:
    for viewport in (NARROW, WIDE):
        page: Page = watched.open(card_of(kinds, "optical/ships-2"), viewport=viewport, reduced_motion="reduce")
        for at in range(page.locator(".contents a:visible").count() or 14):
            if not page.locator(".contents a:visible").count():
                page.click(".contents summary")
            link = page.locator(".contents a:visible").nth(at)
            name = link.text_content()
            link.click()
            target = page.locator(":target")
            assert target.text_content() == name
            assert page.evaluate("() => location.hash.slice(1) === document.querySelector(':target').id")


# --- copying ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["disk", "disk, without the clipboard of the browser"])
def copying(request: pytest.FixtureRequest, watched: Any, kinds: Path) -> Page:
    """A card with a button for all that can be copied; without `navigator.clipboard` the page selects and copies."""
    permissions = ["clipboard-read", "clipboard-write"]
    page: Page = watched.open(card_of(kinds, "optical/ships-2"), permissions=permissions)
    if "without" in request.param:
        page.evaluate(
            """() => {
                window.readClipboard = navigator.clipboard.readText.bind(navigator.clipboard);
                Object.defineProperty(navigator, 'clipboard', {value: undefined});
            }"""
        )
    else:
        page.evaluate("() => { window.readClipboard = () => navigator.clipboard.readText(); }")
    return page


def test_citation_command_code_and_address_are_copied(copying: Page, kinds: Path) -> None:
    item = json.loads((kinds / "optical/ships-2/ships-2.json").read_text("utf-8"))
    command = "docker run --rm example/ships:2.0 ships find in.tif out.json"
    assert copied(copying, "Copy: Citation") == item["properties"]["sci:citation"]
    assert copied(copying, "Copy: Command to run the model") == command
    assert copied(copying, "Copy: Command 1.1") == command
    assert copied(copying, "Copy address: STAC Item") == (kinds / "optical/ships-2/ships-2.json").as_uri()
    assert copied(copying, "Copy: BibTeX").startswith("@")
    copying.click("text=The same in numpy")
    code = copied(copying, "Copy: Preprocessing in numpy")
    assert "[[1, 2, 3, 7]]" in code
    compile(code, "copied", "exec")
    copying.click("text=Layer summary")
    layers = item["properties"]["dlm:architecture"]["summary"]
    assert copied(copying, "Copy: Layer summary").strip() == layers.strip()


def copied(page: Page, name: str) -> str:
    """What is in the clipboard after the button was used by keyboard."""
    button = page.get_by_role("button", name=name, exact=True)
    button.press("Enter")
    page.wait_for_function("() => document.querySelector('body > .hidden[role=status]').textContent.endsWith('copied')")
    assert button.text_content() == "Copied"
    assert page.evaluate("() => document.activeElement.className") == "copy", "the focus stays"
    found = str(page.evaluate("() => window.readClipboard()"))
    page.wait_for_function("() => !document.querySelector('body > .hidden[role=status]').textContent")
    return found


def test_without_scripts_there_are_no_buttons_and_the_text_is_there(watched: Any, kinds: Path) -> None:
    page: Page = watched.open(card_of(kinds, "optical/ships-2"), java_script_enabled=False)
    assert page.locator("button:visible").count() == 0
    assert page.get_by_text("docker run --rm example/ships:2.0").first.is_visible()


# --- paper -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [*KINDS, *REAL])
def test_card_prints_on_two_sheets(watched: Any, kinds: Path, site: Path, folder: str) -> None:
    page: Page = watched.open(card_of(kinds if folder in KINDS else site, folder))
    location = ROOT / "screenshots" / f"print-{Path(folder).name}.pdf"
    location.parent.mkdir(exist_ok=True)
    margin = dict.fromkeys(("top", "right", "bottom", "left"), "12mm")
    printed = page.pdf(path=str(location), format="A4", margin=margin)  # type: ignore[arg-type]
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(printed)).pages]
    # The one with two inputs, two heads and every section is the longest card there is.
    assert len(sheets) <= (3 if folder == "optical/ships-2" else 2)
    text = " ".join(" ".join(sheets).split())
    for word in ("Task", "License", "Pipeline", "Run it", "Metadata"):
        assert word in text, word
    for word in ("Skip to the content", "Copy", "On this page", "Every field"):
        assert word not in text, word
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 700
