"""Weights come from a real server on this machine: whole, checked, once, going on where the connection broke off."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from builder.download import Downloader, FetchError

CONTENT = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FIELDS = {"file:checksum": f"1220{DIGEST}", "file:size": len(CONTENT)}


@dataclass
class Server:
    """What the server does, and what it was asked for."""

    url: str = ""
    content: bytes = CONTENT
    break_after: int | None = None
    knows_ranges: bool = True
    states_length: bool = True
    status: int = 200
    location: str = ""
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            if state.status != 200:
                self.send_response(state.status)
                if state.location:
                    self.send_header("Location", state.location)
                self.end_headers()
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.knows_ranges else 0
            body = state.content[start:]
            self.send_response(206 if start else 200)
            if state.states_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if state.break_after is None else body[: state.break_after])

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.url = f"http://127.0.0.1:{running.server_port}/net.onnx"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def downloader(tmp_path: Path) -> Downloader:
    return Downloader(tmp_path / "cache", 10_000_000)


def refused(downloader: Downloader, url: str, fields: dict[str, Any]) -> str:
    with pytest.raises(FetchError) as raised:
        downloader.fetch(url, fields)
    return str(raised.value)


def test_a_file_is_fetched_once(server: Server, downloader: Downloader) -> None:
    for _ in range(2):
        assert downloader.fetch(server.url, FIELDS).location.read_bytes() == CONTENT
    assert server.asked == [None]
    assert [path.name for path in downloader.folder.iterdir()] == [DIGEST]


def test_a_broken_connection_is_taken_up_where_it_broke(server: Server, downloader: Downloader) -> None:
    server.break_after = 300_000
    assert downloader.fetch(server.url, FIELDS).sha256 == DIGEST
    assert server.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_what_came_before_is_used_by_the_next_try(server: Server, downloader: Downloader) -> None:
    downloader.folder.mkdir()
    (downloader.folder / f"{DIGEST}.part").write_bytes(CONTENT[:500_000])
    assert downloader.fetch(server.url, FIELDS).sha256 == DIGEST
    assert server.asked == ["bytes=500000-"]


def test_a_server_without_ranges_sends_it_all_again(server: Server, downloader: Downloader) -> None:
    server.knows_ranges = False
    downloader.folder.mkdir()
    (downloader.folder / f"{DIGEST}.part").write_bytes(b"x" * 500_000)
    assert downloader.fetch(server.url, FIELDS).sha256 == DIGEST


def test_a_connection_that_never_brings_more_is_given_up(server: Server, downloader: Downloader) -> None:
    server.break_after = 0
    assert "what has come is kept" in refused(downloader, server.url, FIELDS)
    assert 5 <= len(server.asked) <= 6


def test_another_file_is_thrown_away(server: Server, downloader: Downloader) -> None:
    server.content = CONTENT[::-1]
    assert "its checksum is 1220" in refused(downloader, server.url, FIELDS)
    assert list(downloader.folder.iterdir()) == []


@pytest.mark.parametrize("fields", [{}, {"file:checksum": "1114" + "0" * 40}, {"file:checksum": "../../x"}])
def test_without_a_checksum_nothing_is_asked(fields: dict[str, Any], server: Server, downloader: Downloader) -> None:
    assert "no checksum of SHA-256" in refused(downloader, server.url, fields)
    assert server.asked == []


def test_a_file_beyond_the_limit_is_not_fetched(server: Server, tmp_path: Path) -> None:
    small = Downloader(tmp_path, 1000)
    assert "--max-size" in refused(small, server.url, FIELDS)
    assert server.asked == []
    unsized = {"file:checksum": FIELDS["file:checksum"]}
    assert "offers 1,048,576 bytes" in refused(small, server.url, unsized)
    server.states_length = False
    assert "more bytes come" in refused(small, server.url, unsized)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000


def test_a_server_that_offers_another_size_is_not_believed(server: Server, downloader: Downloader) -> None:
    server.content = CONTENT + b"x"
    assert "1,048,576 are stated" in refused(downloader, server.url, FIELDS)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/net.onnx", "pkg:pypi/a@1#net.onnx", "data:,x"])
def test_only_http_is_fetched(url: str, downloader: Downloader) -> None:
    assert "not http or https" in refused(downloader, url, FIELDS)


def test_a_redirect_does_not_lead_to_a_file(server: Server, downloader: Downloader) -> None:
    server.status, server.location = 302, "file:///etc/passwd"
    assert "not downloaded" in refused(downloader, server.url, FIELDS)


def test_what_a_server_does_not_have_is_told(server: Server, downloader: Downloader) -> None:
    server.status = 404
    assert "the server answers 404" in refused(downloader, server.url, FIELDS)
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_told(downloader: Downloader) -> None:
    assert "not downloaded" in refused(downloader, "http://127.0.0.1:9/net.onnx", FIELDS)
    assert "not downloaded" in refused(downloader, "http://127.0.0.1:x/net.onnx", FIELDS)
