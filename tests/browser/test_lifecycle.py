"""Versions, withdrawn models and the page of a comparison in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared import ROOT

from builder.diff import compare
from builder.output import publish
from builder.pipeline import Settings, build
from builder.review_page import render_review
from builder.sides import read_sides
from builder.templates import read_templates

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The golden site: three versions of a model, of which one is deprecated and one withdrawn, and another model."""
    folder = tmp_path_factory.mktemp("golden") / "site"
    publish(build(Settings(ROOT / "tests/golden/source")).artifacts, folder)
    return folder.as_uri() + "/"


def results(page: Any) -> list[str]:
    titles: list[str] = page.locator("[data-results] a").all_inner_texts()
    return titles


def test_browsing_hides_what_is_outdated_says_how_many_and_shows_it(watched: Any, golden: str) -> None:
    page = watched.open(golden + "index.html")
    count, button = page.locator("[data-count]"), page.locator("[data-outdated]")
    assert count.inner_text() == "2 models · 1 deprecated and 1 withdrawn hidden"
    assert results(page) == ["Land cover U-Net 2", "ship-finder"]
    button.focus()
    page.keyboard.press("Enter")
    assert results(page) == ["Land cover U-Net 1", "Land cover U-Net 2", "Land cover U-Net 3", "ship-finder"]
    assert count.inner_text() == "4 models"
    assert page.url.endswith("?deprecated=yes")
    badges = page.locator("[data-results] .badge").all_inner_texts()
    assert badges == ["deprecated", "withdrawn"]
    assert button.inner_text() == "Hide deprecated and withdrawn"
    assert page.evaluate("document.activeElement.hasAttribute('data-outdated')")
    page.go_back()
    assert results(page) == ["Land cover U-Net 2", "ship-finder"]


def test_the_numbers_follow_the_other_filters(watched: Any, golden: str) -> None:
    page = watched.open(golden + "index.html?task=object+detection")
    assert page.locator("[data-count]").inner_text() == "1 model"
    assert page.locator("[data-outdated]").is_hidden()
    page = watched.open(golden + "index.html?q=net+3")
    assert page.locator("[data-count]").inner_text() == "No model fits these filters · 1 withdrawn hidden"
    assert page.locator("[data-outdated]").inner_text() == "Show it"


@pytest.mark.parametrize("scripts", [True, False])
def test_the_switcher_opens_by_keyboard_and_leads_to_the_version(watched: Any, golden: str, scripts: bool) -> None:
    page = watched.open(golden + "land-cover/unet-1/index.html", java_script_enabled=scripts)
    page.locator(".switcher summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("navigation", name="Versions").get_by_role("link", name="1.10").click()
    assert page.url.endswith("/land-cover/unet-2/index.html")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_alias_leads_on_without_scripts(watched: Any, golden: str, scripts: bool) -> None:
    page = watched.open(golden + "land-cover/unet-3/latest/index.html", java_script_enabled=scripts)
    page.wait_for_url("**/land-cover/unet-2/index.html")


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 360, "height": 800}, "color_scheme": "dark"}])
def test_a_withdrawn_card_fits_the_page(
    watched: Any, golden: str, options: dict[str, Any], screenshot: Callable[..., None]
) -> None:
    page = watched.open(golden + "land-cover/unet-3/index.html", **options)
    assert page.get_by_role("note").inner_text().startswith("Withdrawn on 2024-10-02.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screenshot(page, f"withdrawn-{'dark' if options else 'light'}")


@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 360, "height": 800}, "color_scheme": "dark"}])
def test_a_comparison_fits_the_page_and_obeys_its_policy(
    watched: Any, tmp_path: Path, options: dict[str, Any], screenshot: Callable[..., None]
) -> None:
    pair = ROOT / "tests" / "diff" / "normalisation"
    before, after = read_sides(str(pair / "old"), str(pair / "new"), pair)
    text = render_review(compare(before.side, after.side), before, after, read_templates())
    (tmp_path / "review.html").write_text(text, "utf-8")
    page = watched.open((tmp_path / "review.html").as_uri(), java_script_enabled=True, **options)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.querySelector('.sides')).display") == "grid"
    assert page.locator(".side.after").get_by_text("0.25", exact=True).count() == 1
    screenshot(page, f"review-{'dark' if options else 'light'}", whole=True)
