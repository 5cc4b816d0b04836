"""What a site holds of an earlier build: the files that its manifest names, and which of them are not what it says."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath

import orjson

MANIFEST = "manifest.json"
Stamp = tuple[int, int, str]
"""Of a file: size in bytes, time of its last change in nanoseconds, SHA-256 of its content in hexadecimal."""


# In the text of a manifest without these, no path leads out of the site, and none is that of the manifest.
_SUSPECT = (b"..", b'"/', b"\\", f'"{MANIFEST}"'.encode())


@dataclass(frozen=True, slots=True)
class States:
    """The size and the time of the last change of each file that a manifest names, in its order; -1 where there is
    none. `digest` is that of the manifest; what is older than `settled` in nanoseconds tells one content from another.

    Plain lists, because a site may have a hundred thousand files.
    """

    digest: str = ""
    paths: Sequence[str] = ()
    sizes: Sequence[int] = ()
    times: Sequence[int] = ()
    settled: int = 0


@dataclass(frozen=True)
class Held:
    """The files of a site. `touched` are those that are not what the manifest says: their digest, None if there is no
    such file. `manifest_state` is the state of the manifest itself when it was read."""

    manifest: bytes = b""
    states: States = States()
    touched: Mapping[str, str | None] = field(default_factory=dict)
    manifest_state: tuple[int, ...] = ()
    read: bool = False
    """Whether a file was read, because what is known of it does not tell."""

    @cached_property
    def stated(self) -> Mapping[str, str]:
        """The digests of files as the manifest states them, by path."""
        return parse_manifest(self.manifest) or {}

    def get(self, path: str) -> str | None:
        """The digest of a file; None where it is not there or none of ours."""
        if path == MANIFEST:
            return self.states.digest or None
        return self.touched[path] if path in self.touched else self.stated.get(path)

    @property
    def paths(self) -> Iterator[str]:
        """The paths of the files that are there, with the manifest, sorted."""
        there = [path for path in self.states.paths if self.touched.get(path, "") is not None]
        return iter(sorted([*there, MANIFEST] if self.manifest else there))

    def is_current(self, site: FilePath) -> bool:
        """Whether there is a manifest that can be read, and is still the one that was."""
        return bool(self.manifest) and self.manifest_state == _state_of(site)


def read_manifest(site: FilePath) -> Mapping[str, str] | None:
    """What the previous build made, by path, as its manifest says; None when there is no readable manifest."""
    try:
        return parse_manifest((site / MANIFEST).read_bytes())
    except OSError:
        return None


def parse_manifest(content: bytes) -> dict[str, str] | None:
    """The digests of files by path in the content of a manifest; None when it is none."""
    try:
        files = orjson.loads(content)["files"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(files, dict):
        return None
    # The manifest may have been edited: only paths that stay inside the site count.
    if not any(mark in content for mark in _SUSPECT) and not {*map(type, files.values())} - {str}:
        return files  # as nearly always, and there may be a hundred thousand of them
    return {path: str(digest) for path, digest in files.items() if _is_inside(path)}


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and (".." not in path or ".." not in path.split("/")) and path != MANIFEST


def find_held(site: FilePath, known: States = States()) -> Held:
    """What is there of what an earlier build made.

    A file whose size and time are those that are known is what it was then; others are read.
    """
    state = _state_of(site)
    try:
        manifest = (site / MANIFEST).read_bytes()
    except OSError:
        return Held()
    digest = hashlib.sha256(manifest).hexdigest()
    if known.digest == digest:
        paths, sizes, times = known.paths, [*known.sizes], [*known.times]
    else:
        stated = parse_manifest(manifest)
        if stated is None:
            return Held()
        paths = [*stated]
        sizes, times = [-1] * len(paths), [-1] * len(paths)
    held = Held(manifest, States(digest, paths, sizes, times), {}, state)
    touched: dict[str, str | None] = {}
    read = False
    folder, settled = f"{site}/", known.settled
    for number, (path, size, time) in enumerate(zip(paths, sizes, times, strict=True)):
        try:
            status = os.stat(folder + path)  # noqa: PTH116  a hundred thousand times, where a Path costs more
            if status.st_size == size and status.st_mtime_ns == time < settled and stat.S_ISREG(status.st_mode):
                continue
            sizes[number], times[number], read = status.st_size, status.st_mtime_ns, True
            found: str | None = sha256_of(FilePath(folder + path))
        except OSError:
            sizes[number] = times[number] = -1
            found = None
        if found != held.stated.get(path):
            touched[path] = found
    return replace(held, touched=touched, read=read)


def find_states(site: FilePath, manifest: Mapping[str, str], digest: str, held: Held, changed: Iterable[str]) -> States:
    """The states of the files of a site after a build, which wrote the `changed` ones and found the others `held`."""
    before = dict(zip(held.states.paths, zip(held.states.sizes, held.states.times, strict=True), strict=True))
    for path in {*changed} - {MANIFEST}:
        status = os.stat(f"{site}/{path}")  # noqa: PTH116
        before[path] = status.st_size, status.st_mtime_ns
    paths = sorted(manifest)
    states = [before[path] for path in paths]
    return States(digest, paths, [size for size, _ in states], [time for _, time in states])


def sha256_of(location: FilePath) -> str:
    """SHA-256 of the content of a file, in hexadecimal."""
    with location.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _state_of(site: FilePath) -> tuple[int, ...]:
    try:
        status = (site / MANIFEST).stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino
