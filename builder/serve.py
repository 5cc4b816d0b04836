"""The preview: the pipeline behind a server on this machine, built again when a file changes.

The site is published into a folder of its own, so what is served is what a build would publish, byte for byte. A cache
beside that folder, which goes with it, keeps what has not changed from being made again. What the preview adds is added
on the way out: a script that waits for the next change, and what is wrong with the source. Pages keep their security
policy, which forbids them to connect; so the script waits by loading another script, which the server holds back until
something has changed.
"""

from __future__ import annotations

import functools
import http.server
import re
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from builder import pipeline
from builder.cache import open_cache
from builder.diagnostic import Diagnostic
from builder.output import OutputError
from builder.report import format_text
from builder.templates import TemplatesError
from builder.workers import SERIAL, Workers, WorkersError

QUIET = 0.05
"""Seconds without a further change after which the site is built: editors write a file in several steps."""
LONGEST = 0.5
"""Seconds after which it is built although changes keep coming."""
HOLD = 25.0
"""Seconds that a page waits for a change before it asks again; less than proxies and browsers give up after."""
OWN = "/-/"
"""Addresses below this are the preview's own. No collection can have the name."""
_LOOK = 1.0  # seconds between looks whether the watched folders are still the same ones
_CHANGES = frozenset({"created", "modified", "deleted", "moved"})
_HOSTS = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?", re.IGNORECASE)
_SCRIPT = """\
(function () {
  "use strict";
  var seen = Number(document.currentScript.dataset.seen);
  function wait() {
    var script = document.createElement("script");
    script.src = "/-/wait.js?seen=" + seen + "&at=" + Date.now();
    script.onload = function () { script.remove(); setTimeout(wait, 0); };
    script.onerror = function () { script.remove(); setTimeout(wait, 1000); };
    document.head.append(script);
  }
  globalThis.previewChanged = function (now) { if (now !== seen) { location.reload(); } };
  // Before that, the page would count as loading for as long as it waits.
  addEventListener("load", function () { setTimeout(wait, 0); });
})();
"""
_STYLE = """\
.preview-problems { margin: 0; padding: 1rem; border-bottom: 4px solid #b00020; background: #fff; color: #1a1a1a;
  font: 14px/1.5 system-ui, sans-serif; }
.preview-problems h2 { margin: 0 0 .5rem; font-size: 1rem; color: #b00020; }
.preview-problems pre { margin: 0; padding: 0; overflow-x: auto; max-height: 60vh; background: none; color: inherit;
  border: 0; font: 13px/1.45 ui-monospace, monospace; }
"""


class ServeError(Exception):
    """The preview cannot start. The message says why."""


@dataclass(frozen=True, slots=True)
class State:
    """What the preview shows: how often it has changed, and what keeps the newest source from being shown."""

    number: int
    problems: str = ""


class Preview:
    """The site of a source folder, kept up to date while its files change, and the server that shows it.

    `say` is told a line about each build.
    """

    def __init__(
        self, settings: pipeline.Settings, port: int, say: Callable[[str], None], workers: Workers = SERIAL
    ) -> None:
        self.settings, self.say, self.workers = settings, say, workers
        # Not 0, or a page that was left open would take a new preview for the one before.
        self.state = State(time.time_ns() // 1_000_000 % 10**9)
        self.changed = threading.Condition()
        self._stop = threading.Event()
        self._touched = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="preview-")
        self.site = FilePath(self._folder.name) / "site"
        handler = functools.partial(_Handler, preview=self, directory=str(self.site))
        try:
            self._server = _Server(("127.0.0.1", port), handler)
        except OSError as error:
            self._folder.cleanup()
            raise ServeError(f"port {port} cannot be used: {error.strerror or error}; choose another --port") from error
        self.address = f"http://127.0.0.1:{self._server.server_port}/"

    def run(self) -> None:
        """Builds, serves, and builds again with each change, until `stop` is called."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        observer = _Observer(self._touched)
        try:
            observer.watch(self._watched())
            self.build()
            while not self._stop.is_set():
                touched = self._touched.wait(_LOOK)
                moved = observer.watch(self._watched())
                if (touched or moved) and not self._stop.is_set():
                    self._settle()
                    self.build()
        finally:
            observer.close()
            self.stop()
            self._server.shutdown()
            self._server.server_close()
            thread.join()
            self._folder.cleanup()

    def stop(self) -> None:
        """Ends `run`, and lets go of the pages that wait for a change."""
        self._stop.set()
        self._touched.set()
        with self.changed:
            self.changed.notify_all()

    def build(self) -> None:
        """Builds once. Where something is wrong the site stays, and the pages say what it is."""
        started = time.monotonic()
        problems, wrote = "", True
        try:
            with open_cache(self.site.parent / "cache") as cache:
                result = pipeline.build(self.settings, workers=self.workers, site=self.site, cache=cache)
            if result.failed:
                problems = _to_text(result.diagnostics)
            elif result.published is None:
                problems = f"There is no model file in {self.settings.source}."
            else:
                wrote = bool(result.published.written or result.published.removed)
        except (OutputError, TemplatesError, WorkersError, OSError) as error:
            problems = str(error)
        seconds = time.monotonic() - started
        if problems:
            self.say(f"{problems}\nThe last good site is still served. ({seconds:.1f} s)")
        elif wrote or self.state.problems:
            self.say(f"{result.models} {'model' if result.models == 1 else 'models'} built. ({seconds:.1f} s)")
        if wrote or problems != self.state.problems:
            with self.changed:
                self.state = State(self.state.number + 1, problems)
                self.changed.notify_all()

    def wait(self, seen: int) -> int:
        """The number of the state, as soon as it is not the one that a page has seen, or after a while."""
        with self.changed:
            self.changed.wait_for(lambda: self.state.number != seen or self._stop.is_set(), HOLD)
            return self.state.number

    def _settle(self) -> None:
        """Waits until nothing changes any more."""
        end = time.monotonic() + LONGEST
        while self._touched.is_set() and time.monotonic() < end and not self._stop.is_set():
            self._touched.clear()
            self._touched.wait(QUIET)
        self._touched.clear()

    def _watched(self) -> list[FilePath]:
        watched = [self.settings.source]
        if self.settings.templates is not None:
            watched.append(self.settings.templates)
        if self.settings.docs is not None:
            watched += [self.settings.docs, self.settings.docs.parent / "docs"]
        return watched


def _to_text(diagnostics: Iterable[Diagnostic]) -> str:
    return format_text([d for d in diagnostics if d.severity != "note"])


class _Observer:
    """Sets an event when anything in the watched folders and files changes, also after a folder was replaced."""

    def __init__(self, touched: threading.Event) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                # Reading a file is an event, too; building would never end.
                if event.event_type in _CHANGES:
                    touched.set()

        self._handler = Handler()
        self._observer = Observer()
        self._observer.start()
        self._watches: dict[FilePath, tuple[int, Any]] = {}

    def watch(self, locations: Iterable[FilePath]) -> bool:
        """Watches these, and says whether one of them is another than before, or there again, or gone."""
        moved = False
        for location in locations:
            try:
                number = location.stat().st_ino
            except OSError:
                number = 0
            known, watch = self._watches.get(location, (0, None))
            if number == known:
                continue
            moved = True
            if watch is not None:
                self._observer.unschedule(watch)
            place = location if location.is_dir() else location.parent
            made = self._observer.schedule(self._handler, str(place), recursive=location.is_dir()) if number else None
            self._watches[location] = (number, made)
        return moved

    def close(self) -> None:
        self._observer.stop()
        self._observer.join()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    # A server that was stopped a moment ago must not keep its port from the next one.
    allow_reuse_address = True


class _Handler(http.server.SimpleHTTPRequestHandler):
    """The files of the site, with the script of the preview in each page."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, preview: Preview, **named: Any) -> None:
        self.preview = preview
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not _HOSTS.fullmatch(self.headers.get("Host", "")):
            # A page of another host whose name leads here would be read as if it were that host's own.
            self._send(421, "text/plain; charset=utf-8", b"This preview answers to 127.0.0.1 and localhost only.\n")
        elif path == f"{OWN}wait.js":
            seen = parse_qs(urlsplit(self.path).query).get("seen", [""])[0]
            number = self.preview.wait(int(seen) if seen.isascii() and seen.isdecimal() else -1)
            self._send(200, "text/javascript; charset=utf-8", f"previewChanged({number});\n".encode())
        elif path == f"{OWN}preview.js":
            self._send(200, "text/javascript; charset=utf-8", _SCRIPT.encode())
        elif path == f"{OWN}preview.css":
            self._send(200, "text/css; charset=utf-8", _STYLE.encode())
        else:
            self._file(path)

    def _file(self, path: str) -> None:
        location = FilePath(self.translate_path(path))
        if location.is_dir() and path.endswith("/"):
            location /= "index.html"
        elif location.is_dir():
            super().do_GET()  # sends a redirect to the address with a slash
            return
        status = 200
        if not location.is_file():
            location, status = self.preview.site / "404.html", 404
        try:
            content = location.read_bytes()
        except OSError:
            content, location = b"<!doctype html><title>Not built yet</title><body>Not built yet.", FilePath("x.html")
            status = 404
        if location.suffix == ".html":
            content = _with_preview(content, self.preview.state)
        self._send(status, self.guess_type(str(location)), content)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        # STAC Browser and other clients in a browser can read the preview.
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        try:
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True  # the reader has gone elsewhere

    def log_message(self, *_: Any) -> None:
        """Nothing: the requests of a preview are no news."""


def _with_preview(page: bytes, state: State) -> bytes:
    """A page with what the preview adds: its script, and what is wrong."""
    added = f'<script src="{OWN}preview.js" data-seen="{state.number}"></script>'
    added = f'<link rel="stylesheet" href="{OWN}preview.css">{added}'
    page = page.replace(b"</head>", added.encode() + b"</head>", 1) if b"</head>" in page else page + added.encode()
    if not state.problems:
        return page
    about = "The newest source cannot be shown; this is the last good site."
    shown = (
        f'<section class="preview-problems" role="alert"><h2>{about}</h2><pre>{escape(state.problems)}</pre></section>'
    )
    return re.sub(rb"<body[^>]*>", lambda match: match[0] + shown.encode(), page, count=1)
