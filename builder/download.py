"""Fetching weights, only when the user asks for it: to a size, against a checksum, going on where it broke off.

A file is kept in a folder under its checksum, so it is fetched once, whatever it is called.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlsplit

from builder import __version__
from builder.source import LocalFile

Progress = Callable[[str, int, int], None]

_BLOCK = 256 * 1024
_TIMEOUT = 60
_MOST_TRIES = 5
"""Tries in a row that bring nothing new."""
_SHA256 = re.compile(r"1220([0-9a-f]{64})")


class FetchError(Exception):
    """A file cannot be had. The message says why."""


class Downloader:
    """Fetches files of up to `max_size` bytes into `folder`, by default the user's cache folder."""

    def __init__(self, folder: FilePath | None, max_size: int, progress: Progress = lambda *_: None) -> None:
        self.folder = folder or _cache_folder()
        self.max_size = max_size
        self.progress = progress
        # Without the handlers of files, FTP and data: the addresses are those of strangers.
        self.opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler,
            urllib.request.HTTPRedirectHandler, urllib.request.HTTPErrorProcessor,
            urllib.request.HTTPDefaultErrorHandler,
        ):  # fmt: skip
            self.opener.add_handler(handler())

    def fetch(self, href: str, fields: Mapping[str, Any]) -> LocalFile:
        """The file behind the address of an asset with these fields, from the folder where it is there already.

        Raises FetchError: there is no checksum of SHA-256, the file is too large or another, or it does not come.
        """
        stated = _SHA256.fullmatch(str(fields.get("file:checksum", "")).lower())
        if stated is None:
            raise FetchError("not downloaded: no checksum of SHA-256 is stated to tell the right file by")
        if urlsplit(href).scheme.lower() not in ("http", "https"):
            raise FetchError("not downloaded: its address is not http or https")
        size = fields.get("file:size")
        if isinstance(size, int) and size > self.max_size:
            raise FetchError(f"not downloaded: {size:,} bytes, more than --max-size allows")
        target = self.folder / stated[1]
        part = self.folder / f"{stated[1]}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not target.is_file():
                self._fetch(href, part, size if isinstance(size, int) else None)
                with part.open("rb") as stream:
                    real = hashlib.file_digest(stream, "sha256").hexdigest()
                if real != stated[1]:
                    part.unlink()
                    raise FetchError(f"downloaded and thrown away: its checksum is 1220{real}, not the stated one")
                part.replace(target)
        except OSError as error:
            raise FetchError(f"not downloaded: {error.strerror or error}") from error
        return LocalFile(href, target)

    def _fetch(self, href: str, part: FilePath, size: int | None) -> None:
        """Brings what is missing of a file, in as many tries as bring something new."""
        idle = 0
        while True:
            have = part.stat().st_size if part.is_file() else 0
            try:
                if self._go_on(href, part, have, size):
                    return
                reason = "the connection broke off"
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                reason = _reason(error)
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                    if error.code < 500:
                        raise FetchError(f"not downloaded: {reason}") from error
            idle = 0 if part.is_file() and part.stat().st_size > have else idle + 1
            if idle >= _MOST_TRIES:
                raise FetchError(
                    f"not downloaded: {reason}; what has come is kept, and the next try goes on from there"
                )

    def _go_on(self, href: str, part: FilePath, have: int, size: int | None) -> bool:
        """One request for the rest of a file; whether the file is whole then."""
        if size is not None and have == size:
            return True
        headers = {"User-Agent": f"dlm-catalog/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        request = urllib.request.Request(href, headers=headers)  # noqa: S310  the opener knows http and https only
        with self.opener.open(request, timeout=_TIMEOUT) as answer:
            if have and answer.status != 206:
                have = 0  # the server sends the whole file again
            expected = _expected(answer, have)
            if expected is not None and (expected > self.max_size or size not in (None, expected)):
                why = f"{size:,} are stated" if size not in (None, expected) else "more than --max-size allows"
                raise FetchError(f"not downloaded: the server offers {expected:,} bytes; {why}")
            with part.open("r+b" if have else "wb") as stream:
                stream.seek(have)
                while block := answer.read(_BLOCK):
                    have += len(block)
                    if have > (size or self.max_size):
                        raise FetchError("not downloaded: more bytes come than are stated or allowed")
                    stream.write(block)
                    self.progress("download", have, expected or size or have)
        return expected is None or have == expected


def _expected(answer: http.client.HTTPResponse, have: int) -> int | None:
    """The size of the whole file, as far as the server tells it."""
    length = answer.headers.get("Content-Length", "")
    return have + int(length) if length.isascii() and length.isdigit() else None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__)


def _cache_folder() -> FilePath:
    """The user's cache folder, as the system has it: https://specifications.freedesktop.org/basedir-spec"""
    with suppress(RuntimeError):
        root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or FilePath.home() / ".cache"
        return FilePath(root) / "dlm-catalog" / "weights"
    raise FetchError("not downloaded: there is no home folder to keep it in; name one with --cache")
