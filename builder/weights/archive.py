"""Archives of PyTorch, which are zip files, and other zip files: what is in them is listed, and nothing is unpacked.

The parts of an archive that end in .pkl are pickles, and pickles run code when they are loaded. They stay closed.
https://pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import io
import zipfile
from typing import BinaryIO

from builder.weights.signature import Format, Member, Signature, UnreadFormatError, WeightsError

MAX_DIRECTORY = 8 * 1024**2
"""Longest directory of an archive that is read, in bytes; it holds some 80,000 names."""
_PICKLES = (".pkl", ".pickle", ".joblib")


class _Bounded(io.RawIOBase):
    """A file of which no more than a directory can be read at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            raise UnreadFormatError(f"its directory has {size:,} bytes, and {MAX_DIRECTORY:,} are read at most")
        return self.stream.read(size if size >= 0 else MAX_DIRECTORY)


def is_zip(head: bytes) -> bool:
    """Whether a file with these first bytes is a zip file."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_pickle(head: bytes) -> bool:
    """Whether a file with these first bytes is a pickle of protocol 2 or newer, as PyTorch wrote until 1.5."""
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def read(stream: BinaryIO, size: int) -> Signature:
    """The signature of a zip file: what it lists. Raises as `read_signature` does."""
    try:
        with zipfile.ZipFile(_Bounded(stream)) as opened:
            members = tuple(Member(info.filename, info.file_size) for info in opened.infolist())
    # What the standard library raises for archives that are cut off or made to confuse.
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, EOFError, OSError) as error:
        raise WeightsError(f"is cut off, or not a zip file: {error}") from error
    names = [member.name for member in members]
    pickled = tuple(name for name in names if name.lower().endswith(_PICKLES))
    return Signature(_kind(names), size, members=members, pickled=pickled)


def _kind(names: list[str]) -> Format:
    """What kind of archive it is: PyTorch puts everything into one folder, with data.pkl in it."""
    inside = {name.partition("/")[2] for name in names}
    if "data.pkl" not in inside:
        return "zip"
    return "torchscript" if "constants.pkl" in inside else "pytorch"
