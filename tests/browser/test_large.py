"""Long lists without scripts, and an index in parts, in a real browser and from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_a_list_is_paged_without_scripts(watched: Any, large: Path) -> None:
    page: Page = watched.open((large / "c1/index.html").as_uri(), java_script_enabled=False)
    seen: list[str] = []
    while True:
        seen += page.locator(".models a").all_inner_texts()
        following = page.get_by_role("link", name="Next", exact=True)
        if not following.count():
            break
        following.click()
    assert len(seen) == len(set(seen)) == 400
    assert page.locator("[aria-current=page]").inner_text() == "16"
    assert page.locator("h1").inner_text() == "c1, page 16"
    page.get_by_role("link", name="First page, 1", exact=True).click()
    assert page.locator("h1").inner_text() == "c1"
    page.get_by_role("link", name="Last page, 16", exact=True).click()
    page.get_by_role("link", name="Previous", exact=True).click()
    assert page.locator("[aria-current=page]").inner_text() == "15"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_of_a_list_is_accessible_and_fits(watched: Any, large: Path, width: int, scheme: str) -> None:
    address = (large / "c1/page/8/index.html").as_uri()
    page: Page = watched.open(address, viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = Axe().run(page, options={"preload": False})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_an_index_in_parts_is_joined(watched: Any, large: Path) -> None:
    page: Page = watched.open((large / "index.html").as_uri())
    page.wait_for_selector("[data-filters] input")
    assert page.inner_text("[data-count]").startswith("1,201 models")
    page.fill("[data-query]", "model 1150")
    page.wait_for_function("() => document.querySelectorAll('.result').length === 1")
    assert page.get_attribute(".result a", "href") == "c1/m1150/index.html"
    counts = page.evaluate(
        "() => new dlmSearch.Engine(DLM_INDEX).query({deprecated: 'yes'}).counts.collection.slice(0, 3)"
    )
    assert counts == [401, 400, 400]


def test_a_filter_in_the_address_waits_for_all_parts(watched: Any, large: Path) -> None:
    page: Page = watched.open((large / "index.html").as_uri() + "?collection=c2&compare=m1199,m2")
    page.wait_for_selector("[data-filters] input")
    assert page.inner_text("[data-count]").startswith("400 models")
    assert page.locator("[data-chosen] li").count() == 2


def test_pages_that_compare_and_match_wait_for_all_parts(watched: Any, large: Path) -> None:
    page: Page = watched.open((large / "compare/index.html").as_uri() + "?ids=m1199,m3")
    page.wait_for_selector("html.ready")
    assert page.locator("[data-table] th[scope=col]").count() >= 2
    page = watched.open((large / "match/index.html").as_uri())
    page.wait_for_selector("html.ready")


def test_the_collections_are_listed_when_a_part_is_missing(chromium: Any, large: Path) -> None:
    page: Page = chromium.new_page()
    page.route("**/search/index-2.js", lambda route: route.abort())
    page.goto((large / "index.html").as_uri())
    page.wait_for_selector("#lists h2", state="visible")
    assert page.locator("#lists h2").all_inner_texts() == ["c0", "c1", "c2"]
    page.close()
