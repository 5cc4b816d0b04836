"""Every type of page in a real browser: from a sub-path and from disk, light and dark, wide and narrow, on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAGES = {
    "home": "index.html",
    "filtered": "index.html?q=sentinel&band=nir&compare=csmask-unet-4b-l2a,thelper-unet",
    "collection": "cloud-masks/index.html",
    "card": "cloud-masks/csmask-unet-4b-l2a/index.html",
    "card-radar": "sentinel-1/resnet50-sentinel1-all-moco/index.html",
    "compare": "compare/index.html?ids=csmask-unet-4b-l2a,csmask-unet-6b-l2a,thelper-unet",
    "compare-empty": "compare/index.html?ids=nothing",
    "match": "match/index.html",
    "tasks": "search/tasks.html",
    "sensors": "search/sensors.html",
    "404": "404.html",
    "docs": "docs/index.html",
    "docs-tables": "docs/reference/card.html",
    "docs-generated": "docs/reference/rules.html",
}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_without_a_fault(watched: Any, address: str, name: str) -> None:
    page: Page = watched.open(address + PAGES[name])
    policy = page.get_attribute("meta[http-equiv='Content-Security-Policy']", "content")
    assert policy == POLICY
    assert page.locator("h1").count() == 1
    if page.locator("[data-browse], [data-compare], [data-match]").count():
        assert "ready" in (page.get_attribute("html", "class") or "")
    links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    assert all(link.startswith((address, "http")) or "#" in link for link in links)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible_and_fits(
    watched: Any, from_disk: str, name: str, width: int, scheme: str, screenshot: Callable[[Page, str], None]
) -> None:
    page: Page = watched.open(
        from_disk + PAGES[name], viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    if name == "match":
        page.fill("[data-fact='sensor']", "sentinel-2")
        page.check("[data-bands] input[value='red']")
    if name in ("home", "filtered") and width == 360:
        page.click("[data-panel] > summary")
    screenshot(page, f"{name}-{width}-{scheme}")
    # Without `preload` it does not fetch the style sheets, which the policy forbids.
    found = Axe().run(page, options={"preload": False})
    assert found.violations_count == 0, found.generate_report()
    for size in (width, 320, 3840) if scheme == "light" else (width,):
        page.set_viewport_size({"width": size, "height": 900})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size


@pytest.mark.parametrize("name", ["home", "collection", "compare", "match", "docs"])
def test_page_prints(watched: Any, from_disk: str, name: str, tmp_path: Path) -> None:
    page: Page = watched.open(from_disk + PAGES[name])
    printed = page.pdf(path=str(tmp_path / "page.pdf"), format="A4")
    assert printed.startswith(b"%PDF")
    page.emulate_media(media="print")
    assert not page.locator("header.bar nav").is_visible()
    assert page.locator("h1").is_visible()


def test_without_scripts_the_lists_are_complete(watched: Any, address: str, site: Path) -> None:
    cards = {str(path.parent.relative_to(site)) for path in site.glob("*/*/index.html")} - {"docs/decisions"}
    for name in ("home", "tasks", "sensors"):
        page: Page = watched.open(address + PAGES[name], java_script_enabled=False)
        links = page.locator("main .models a")
        assert links.first.is_visible()
        base = "" if name == "home" else "../"
        shown = {href.removeprefix(base).removesuffix("/index.html") for href in _hrefs(page)}
        assert cards <= shown, name
        assert not page.locator(".browse").is_visible()
    for name in ("compare", "match"):
        page = watched.open(address + PAGES[name], java_script_enabled=False)
        assert page.locator(".needs-script").is_visible()
        assert page.locator(".needs-script a").first.is_visible()
        assert not page.locator(".tool").is_visible()


def test_every_page_of_the_documentation_loads_without_a_fault(watched: Any, address: str, site: Path) -> None:
    paths = sorted(path.relative_to(site).as_posix() for path in site.glob("docs/**/*.html"))
    assert len(paths) > 20
    page: Page = watched.open(address + "docs/index.html")
    for path in paths:
        page.goto(address + path)
        assert page.get_attribute("meta[http-equiv='Content-Security-Policy']", "content") == POLICY, path
        assert page.locator("h1").count() == 1, path
        assert page.locator("script[src$='assets/site.js']").count() == 1, path
        assert page.evaluate("() => getComputedStyle(document.body).display") == "flex", f"{path} has no style sheet"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_moves_while_a_page_loads(watched: Any, from_disk: str, name: str, width: int) -> None:
    page: Page = watched.open(from_disk + PAGES[name], viewport={"width": width, "height": 900})
    page.wait_for_load_state("networkidle")
    moved = page.evaluate(
        """() => new Promise(done => {
            const shifts = [];
            new PerformanceObserver(list => shifts.push(...list.getEntries().map(shift => shift.value)))
                .observe({type: 'layout-shift', buffered: true});
            requestAnimationFrame(() => setTimeout(() => done(shifts), 100));
        })"""
    )
    assert sum(moved) < 0.01


def test_the_theme_is_chosen_and_remembered(watched: Any, address: str) -> None:
    page: Page = watched.open(address + PAGES["home"], color_scheme="light")

    def paper() -> str:
        return str(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))

    light = paper()
    page.get_by_role("button", name="Use the dark theme").click()
    dark = paper()
    assert dark != light
    for name in ("card", "compare", "docs", "404"):
        page.goto(address + PAGES[name])
        assert paper() == dark, name
    page.get_by_role("button", name="Use the light theme").click()
    page.reload()
    assert paper() == light


def _hrefs(page: Page) -> list[str]:
    return [link.get_attribute("href") or "" for link in page.locator("main .models a").all()]
