"""Chromium, the real site served from a sub-path and from disk, and what every page must keep to."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright
from shared import ROOT

from builder.docs import render_docs
from builder.output import publish
from builder.pipeline import Build, Settings, build

FLAGS = [
    "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
SUBPATH = "some/models"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, with nothing that reaches for the network."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(real_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the real catalog, with documentation. Do not change it: it is shared."""
    folder = tmp_path_factory.mktemp("real") / "site"
    publish([*real_build.artifacts, *render_docs(ROOT / "mkdocs.yml")], folder)
    return folder


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of `tests/kinds`, invented models of the kinds that the real catalog does not have."""
    made = build(Settings(ROOT / "tests/kinds"))
    assert [d for d in made.diagnostics if d.severity != "note"] == []
    folder = tmp_path_factory.mktemp("kinds") / "site"
    publish(made.artifacts, folder)
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: the requests of a test are no news."""


@pytest.fixture(scope="session")
def served(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real site, in a folder of a host."""
    top = tmp_path_factory.mktemp("host")
    (top / SUBPATH).parent.mkdir(parents=True)
    (top / SUBPATH).symlink_to(site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(top)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{SUBPATH}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def from_disk(site: Path) -> str:
    return site.as_uri() + "/"


@pytest.fixture(params=["served", "from_disk"])
def address(request: pytest.FixtureRequest) -> str:
    """The site by both ways of opening it."""
    found: str = request.getfixturevalue(request.param)
    return found


class Watched:
    """Pages that fail the test at the end when they logged an error or asked for anything outside the site."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[BrowserContext] = []
        self.faults: list[str] = []

    def open(self, address: str, **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = self.browser.new_context(**options)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: self.faults.append(f"{m.type}: {m.text}") if m.type != "log" else None)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self._check(request.url))
        page.goto(address)
        return page

    def _failed(self, request: Request) -> None:
        # A page that is left while its icon loads gives up the icon: that is no fault.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url}: {request.failure}")

    def _check(self, url: str) -> None:
        if not url.startswith(("file:///", "http://127.0.0.1:", "data:")):
            self.faults.append(f"external request: {url}")


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Watched]:
    made = Watched(chromium)
    yield made
    for context in made.contexts:
        context.close()
    assert made.faults == []


@pytest.fixture(scope="session")
def screenshot() -> Callable[..., None]:
    """Keeps what a page looks like in `screenshots/`, for whoever wants to look."""
    folder = ROOT / "screenshots"
    folder.mkdir(exist_ok=True)

    def keep(page: Page, name: str, whole: bool = False) -> None:
        page.screenshot(path=str(folder / f"{name}.png"), full_page=whole)

    return keep
