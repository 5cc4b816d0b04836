"""The preview: what is served is what a build publishes, it follows the files, and a mistake does not take it down."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from shared import ROOT
from sources import MINIMAL, write

from builder import batches
from builder.check import Checked, check_model
from builder.output import publish
from builder.pipeline import Settings, build
from builder.serve import Preview, ServeError
from builder.source import SourceFile

PATIENCE = 60.0
"""Seconds until a test gives up on a busy machine; none waits longer than it must."""
MODEL = MINIMAL + "title: First title\n"


class Running:
    """A preview in a thread of its own, and what it has said."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.said: list[str] = []
        self.preview = Preview(Settings(source), 0, self.said.append)
        self.thread = threading.Thread(target=self.preview.run)

    def get(self, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection(urlsplit(self.preview.address).netloc, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers

    def page(self, path: str = "/") -> str:
        return self.get(path)[1].decode()

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, self.said
            assert self.thread.is_alive(), self.said
            time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A preview of one model, which has been built."""
    made = Running(write(tmp_path / "src", {"land/net.yml": MODEL}))
    made.thread.start()
    made.until(lambda: bool(made.said))
    yield made
    made.preview.stop()
    made.thread.join(PATIENCE)
    assert not made.thread.is_alive()


def test_what_is_served_is_what_a_build_publishes(running: Running, tmp_path: Path) -> None:
    publish(build(Settings(running.source)).artifacts, tmp_path / "site")
    files = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        place = "/" + path.relative_to(tmp_path / "site").as_posix()
        status, content, _ = running.get(place)
        assert status == 200
        if path.suffix != ".html":
            assert content == path.read_bytes()
            continue
        plain = re.sub(rb'<link rel="stylesheet" href="/-/preview.css"><script[^>]*></script>', b"", content)
        assert plain == path.read_bytes()


def test_a_change_is_shown_and_the_page_is_told(running: Running) -> None:
    seen = running.preview.state.number
    told: list[str] = []
    waiting = threading.Thread(target=lambda: told.append(running.page(f"/-/wait.js?seen={seen}")))
    waiting.start()
    (running.source / "land" / "net.yml").write_text(MODEL.replace("First", "Second"))
    waiting.join(PATIENCE)
    assert told == [f"previewChanged({running.preview.state.number});\n"]
    assert running.preview.state.number != seen
    assert "Second title" in running.page("/land/net/")
    assert f'data-seen="{running.preview.state.number}"' in running.page("/land/net/")


def test_only_what_changed_is_made_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    write(running.source, {"land/other.yml": MODEL.replace("First", "Other")})
    running.until(lambda: "Other title" in running.page("/land/other/"))
    made: list[str] = []

    def noted(file: SourceFile, *arguments: Any, **named: Any) -> Checked:
        made.append(file.path)
        return check_model(file, *arguments, **named)

    monkeypatch.setattr(batches, "check_model", noted)
    (running.source / "land" / "net.yml").write_text(MODEL.replace("First", "Second"))
    running.until(lambda: "Second title" in running.page("/land/net/"))
    assert set(made) == {"land/net.yml"}


def test_a_page_that_has_seen_an_older_state_is_told_at_once(running: Running) -> None:
    assert running.page("/-/wait.js?seen=-5").startswith("previewChanged(")
    assert running.page("/-/wait.js?seen=<script>").startswith("previewChanged(")
    assert running.page("/-/wait.js").startswith("previewChanged(")


def test_a_mistake_is_shown_with_its_code_above_the_last_good_site(running: Running) -> None:
    model = running.source / "land" / "net.yml"
    model.write_text(MODEL + "gsd: <b>ten</b>\n")
    running.until(lambda: "preview-problems" in running.page())
    page = running.page("/land/net/")
    assert "First title" in page
    assert "error[value-type]" in page
    assert "gsd: &lt;b&gt;ten&lt;/b&gt;" in page
    assert "^^^" in page
    assert "The last good site is still served" in running.said[-1]
    assert running.get("/land/net/net.json")[0] == 200
    model.write_text(MODEL + "gsd: 10\n")
    running.until(lambda: "preview-problems" not in running.page())
    assert "First title" in running.page("/land/net/")


def test_files_come_go_and_are_renamed(running: Running) -> None:
    land = running.source / "land"
    (land / "second.yml").write_text(MINIMAL + "title: Another\n")
    running.until(lambda: running.get("/land/second/")[0] == 200)
    # As editors save: the new text beside the file, then in its place.
    (land / "second.yml~").write_text(MINIMAL + "title: Saved by an editor\n")
    os.replace(land / "second.yml~", land / "second.yml")  # noqa: PTH105  what an editor calls
    running.until(lambda: "Saved by an editor" in running.page("/land/second/"))
    (land / "second.yml").rename(land / "third.yml")
    running.until(lambda: running.get("/land/third/")[0] == 200 and running.get("/land/second/")[0] == 404)
    (running.source / "sea").mkdir()
    shutil.move(land / "third.yml", running.source / "sea" / "third.yml")
    running.until(lambda: running.get("/sea/third/")[0] == 200)
    shutil.rmtree(running.source / "sea")
    running.until(lambda: running.get("/sea/third/")[0] == 404)


def test_a_source_folder_that_goes_away_may_come_back(running: Running) -> None:
    aside = running.source.with_name("aside")
    running.source.rename(aside)
    running.until(lambda: bool(running.preview.state.problems))
    assert "First title" in running.page("/land/net/"), "the last good site"
    aside.rename(running.source)
    running.until(lambda: not running.preview.state.problems)
    (running.source / "land" / "net.yml").write_text(MODEL.replace("First", "Third"))
    running.until(lambda: "Third title" in running.page("/land/net/"))


def test_two_hundred_random_events_leave_it_alive_and_right(running: Running, tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311  the same events in every run
    land = running.source / "land"
    texts = [MODEL, MINIMAL + "title: Other\n", "title: [\n", MODEL + "gsd: no\n", "", MINIMAL + "license: MIT\n"]
    for number in range(200):
        files = sorted(land.glob("*.yml"))
        action = chance.choice(("save", "save", "atomic", "rename", "delete"))
        if action == "save" or not files:
            (land / f"net-{chance.randrange(6)}.yml").write_text(chance.choice(texts))
        elif action == "atomic":
            (land / ".swap").write_text(chance.choice(texts))
            (land / ".swap").replace(chance.choice(files))
        elif action == "rename":
            chance.choice(files).rename(land / f"net-{chance.randrange(6)}.yml")
        else:
            chance.choice(files).unlink()
        if number % 7 == 0:
            time.sleep(chance.random() / 5)
    for path in land.glob("*"):
        path.unlink()
    for number in range(3):
        (land / f"last-{number}.yml").write_text(MODEL.replace("First", f"Last {number}"))
    running.until(lambda: not running.preview.state.problems and "Last 2 title" in running.page("/land/last-2/"))
    publish(build(Settings(running.source)).artifacts, tmp_path / "site")
    running.until(lambda: running.get("/manifest.json")[1] == (tmp_path / "site" / "manifest.json").read_bytes())


def test_other_hosts_names_and_places_outside_are_refused(running: Running) -> None:
    assert running.get("/", Host="evil.example")[0] == 421
    assert running.get("/", Host="localhost:8000")[0] == 200
    assert running.get("/../../../../etc/passwd")[0] == 404
    assert running.get("/%2e%2e/%2e%2e/%2e%2e/etc/passwd")[0] == 404
    status, content, headers = running.get("/land/net/net.json")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert headers["Cache-Control"] == "no-store"
    assert content.startswith(b"{")
    status, content, _ = running.get("/nothing/here/")
    assert status == 404
    assert b"preview.js" in content, "it reloads when the page is there"
    assert running.get("/land/net")[0] == 301


def test_the_server_is_on_this_machine_only(running: Running) -> None:
    assert running.preview.address.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_is_a_message(running: Running, tmp_path: Path) -> None:
    port = urlsplit(running.preview.address).port or 0
    with pytest.raises(ServeError, match=f"port {port} cannot be used: .*; choose another --port"):
        Preview(Settings(tmp_path), port, print)


def test_a_folder_without_a_model_is_said_and_filled_later(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    made = Running(tmp_path / "src")
    made.thread.start()
    try:
        made.until(lambda: bool(made.said))
        assert "There is no model file" in made.page()
        write(tmp_path / "src", {"land/net.yml": MODEL})
        made.until(lambda: "First title" in made.page("/land/net/"))
    finally:
        made.preview.stop()
        made.thread.join(PATIENCE)


def test_pages_of_the_documentation_follow_their_files(tmp_path: Path) -> None:
    config = "site_name: Models\ndocs_dir: docs\ntheme: {name: mkdocs, highlightjs: false}\n"
    write(tmp_path, {"src/land/net.yml": MODEL, "docs/index.md": "# First page\n", "mkdocs.yml": config})
    made = Running(tmp_path / "src")
    made.preview.settings = Settings(tmp_path / "src", docs=tmp_path / "mkdocs.yml")
    made.thread.start()
    try:
        made.until(lambda: "First page" in made.page("/docs/"))
        (tmp_path / "docs" / "index.md").write_text("# Second page\n")
        made.until(lambda: "Second page" in made.page("/docs/"))
        (tmp_path / "docs" / "index.md").write_text("# Third page\n\n[nowhere](nowhere.md)\n")
        made.until(lambda: "nowhere.md" in made.page("/docs/"))
        assert "Second page" in made.page("/docs/"), "the last good one"
    finally:
        made.preview.stop()
        made.thread.join(PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_stops_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    write(tmp_path, {"catalog_src/land/net.yml": MODEL})
    command = [sys.executable, "-m", "builder.cli", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert re.match(r"http://127\.0\.0\.1:\d+/ shows catalog_src", process.stderr.readline())
        assert "1 model built" in process.stderr.readline()
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == 0
    assert rest == "Stopped.\n"
