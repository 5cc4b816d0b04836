"""Where bytes wait that one stage makes and a later one needs, so that they stand neither in memory nor in pipes."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
import zlib
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
        with open(self.file, "rb", buffering=0) as stream:  # noqa: PTH123  called for each model, several times
            stream.seek(self.start)
            data = stream.read(self.length)
        if data is None or len(data) != self.length:
            raise OSError(0, "the temporary file was cut off", self.file)
        return data


Away = Slice | bytes
"""Bytes that were put away: in a file, or in memory, compressed where they are many."""


class Spool:
    """Puts the bytes of one batch away, in a file of its own in `folder`; without a folder, in memory.

    What was put away can be read when the context has ended, by every process that sees the folder.
    """

    def __init__(self, folder: str | None) -> None:
        self._at = 0
        if folder is None:
            self._stream = None
        else:
            descriptor, self._file = tempfile.mkstemp(dir=folder)
            self._stream = os.fdopen(descriptor, "wb")

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


class TemporaryFolder:
    """A folder for what is put away, made where Python makes temporary files: see TMPDIR. It is removed with this
    object, and at the latest when this process ends."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="dlm-catalog-")
        # What cannot be removed, as where a virus scanner has it open, is not worth an error.
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
