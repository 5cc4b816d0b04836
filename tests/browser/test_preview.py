"""The preview in a browser: a page reloads by itself, under the policy that every page has."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sources import MINIMAL, write

from browser.conftest import Watched
from builder.pipeline import Settings
from builder.serve import Preview

pytestmark = pytest.mark.browser


def test_a_page_reloads_by_itself_and_shows_what_is_wrong(watched: Watched, tmp_path: Path) -> None:
    model = write(tmp_path, {"src/land/net.yml": MINIMAL + "title: First\n"}) / "src" / "land" / "net.yml"
    built = threading.Event()
    preview = Preview(Settings(tmp_path / "src"), 0, lambda _: built.set())
    thread = threading.Thread(target=preview.run)
    thread.start()
    try:
        assert built.wait(60)
        page = watched.open(f"{preview.address}land/net/")
        assert page.locator("h1").inner_text() == "First"
        model.write_text(MINIMAL + "title: Second\n")
        page.locator("h1", has_text="Second").wait_for()
        model.write_text(MINIMAL + "title: Second\ngsd: ten\n")
        problems = page.locator(".preview-problems")
        problems.wait_for()
        assert "error[value-type] gsd is the text “ten”" in problems.inner_text()
        assert page.locator("h1").inner_text() == "Second"
        model.write_text(MINIMAL + "title: Third\n")
        page.locator("h1", has_text="Third").wait_for()
        assert problems.count() == 0
        page.close()
        # What a page was still waiting for when it reloaded is cancelled.
        cancelled = f"failed: {preview.address}-/wait.js"
        watched.faults[:] = [fault for fault in watched.faults if not fault.startswith(cancelled)]
    finally:
        preview.stop()
        thread.join(60)
