"""Where bytes wait that one stage makes and a later one needs, so that they stand neither in memory nor in pipes."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

_LONG = 1000
"""Bytes from which what stays in memory is compressed."""
_COMPRESSED = b"\x78"
"""How zlib's data begins; what is put away must not begin so."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes in a file of this machine."""

    file: str
    start: int
    length: int

    def read(self) -> bytes:
        """The bytes. Raises OSError when they are gone, as when the folder of temporary files is emptied."""
        descriptor = _files.open(self.file)
        os.lseek(descriptor, self.start, os.SEEK_SET)
        data = os.read(descriptor, self.length)
        if len(data) != self.length:
            raise OSError(0, "the temporary file was cut off", self.file)
        return data


class _Opened:
    """A file that is open for reading as long as somebody has this object."""

    def __init__(self, file: str) -> None:
        self.descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class _Files(threading.local):
    """The files of one folder that this thread has read, of which there are as many as threads that wrote."""

    def __init__(self) -> None:
        self.folder = ""
        self.opened: dict[str, _Opened] = {}

    def open(self, file: str) -> int:
        """The descriptor of a file. Those of another folder, which is that of an earlier build, are closed."""
        opened = self.opened.get(file)
        if opened is None:
            if (folder := os.path.dirname(file)) != self.folder:  # noqa: PTH120
                self.close()
                self.folder = folder
            opened = self.opened[file] = _Opened(file)
        return opened.descriptor

    def close(self) -> None:
        """Closes all of them."""
        self.opened.clear()


_files = _Files()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_files.close)  # two processes would share where they are in them

Away = Slice | bytes
"""Bytes that were put away: in a file, or in memory, compressed where they are many."""


class Spool:
    """Puts the bytes of one batch away, at the end of a file of this thread in `folder`; without a folder, in memory.

    What was put away can be read when the context has ended, by every process that sees the folder. A thread uses one
    of them after the other.
    """

    def __init__(self, folder: str | None) -> None:
        self._stream = None
        if folder is not None:
            self._file = f"{folder}/{os.getpid()}-{threading.get_ident()}"
            self._stream = open(self._file, "ab")  # noqa: PTH123, SIM115
            self._at = self._stream.tell()

    def __enter__(self) -> Spool:
        return self

    def put(self, data: bytes) -> Away:
        """Puts bytes away; they must not be empty and not begin as zlib's do."""
        if self._stream is None:
            return data if len(data) < _LONG else zlib.compress(data, 1)
        self._stream.write(data)
        self._at += len(data)
        return Slice(self._file, self._at - len(data), len(data))

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()


def fetch(away: Away) -> bytes:
    """The bytes that were put away."""
    if isinstance(away, Slice):
        return away.read()
    return zlib.decompress(away) if away.startswith(_COMPRESSED) else away


def fetch_all(away: Iterable[Away]) -> list[bytes]:
    """The bytes of several that were put away, in one read where they lie side by side."""
    away = list(away)
    slices = [one for one in away if isinstance(one, Slice)]
    if not slices:
        return [fetch(one) for one in away]
    start, end = min(one.start for one in slices), max(one.start + one.length for one in slices)
    if {one.file for one in slices} != {slices[0].file} or end - start != sum(one.length for one in slices):
        return [fetch(one) for one in away]
    data = Slice(slices[0].file, start, end - start).read()
    return [
        data[one.start - start : one.start - start + one.length] if isinstance(one, Slice) else fetch(one)
        for one in away
    ]


class TemporaryFolder:
    """A folder for what is put away, made where Python makes temporary files: see TMPDIR. It is removed with this
    object, and at the latest when this process ends."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="dlm-catalog-")
        # What cannot be removed, as where a virus scanner has it open, is not worth an error.
        weakref.finalize(self, _remove, self.path)


def _remove(folder: str) -> None:
    _files.close()  # an open file cannot be removed on Windows
    shutil.rmtree(folder, ignore_errors=True)
