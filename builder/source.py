"""Stage 1, find: the files of a source folder, told apart, and their texts."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from pathlib import PurePosixPath
from types import MappingProxyType

from builder.diagnostic import Diagnostic, Span
from builder.document import MAX_BYTES, Document, parse, span_at
from builder.held import Stamp
from builder.weights import MissingExtraError, Signature, UnreadFormatError, WeightsError, read_signature

CATALOG_FILE = "catalog.yml"
COLLECTION_FILE = "collection.yml"
MODEL_SUFFIXES = (".yml", ".yaml", ".json")
# Before the digest of a file that is no model file.
_OTHER = "other:"
_NOTHING: Mapping[str, Stamp] = MappingProxyType({})
# Text about the folder itself.
_ABOUT_FOLDER = re.compile(r"(README|LICENSE|LICENCE|NOTICE|CONTRIBUTING|CHANGELOG)([.\-].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class LocalFile:
    """A file beside the model files: an asset of a model, or nothing we know. It is read when its digest is wanted."""

    path: str
    location: FilePath

    @cached_property
    def size(self) -> int:
        """Size in bytes."""
        return self.location.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        with self.location.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def signature(self) -> Signature:
        """What the file says about itself as one of weights. Raises as `builder.weights.read_signature` does."""
        if isinstance(self._looked, Exception):
            raise self._looked
        return self._looked

    @cached_property
    def _looked(self) -> Signature | Exception:
        try:
            return read_signature(self.location)
        except (WeightsError, UnreadFormatError, MissingExtraError, OSError) as error:
            return error

    def look(self) -> None:
        """Finds out everything now, so that the file is not needed where this object is sent to."""
        _ = self.size, self.sha256, self._looked


MANY = 1000
"""Files from which on texts do not stay in memory, but are read again when their turn comes."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A model file's text with its place: `path` below the source folder, `shown` in messages."""

    path: str
    shown: str
    text: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the text in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


class UnreadFile(SourceFile):
    """A model file that is known to be what it was: its text is read when it is asked for."""

    __slots__ = ("known", "location")
    location: FilePath
    known: str

    def __init__(self, path: str, shown: str, location: FilePath, known: str) -> None:
        for name, value in (("path", path), ("shown", shown), ("location", location), ("known", known)):
            object.__setattr__(self, name, value)

    @property
    def text(self) -> str:
        """The text, read anew. Raises OSError when it is no longer what is known."""
        text = self.location.read_bytes().decode("utf-8-sig", "replace")
        if hashlib.sha256(text.encode()).hexdigest() != self.known:
            raise OSError(errno.EBUSY, "was changed while the site was built; build it again", str(self.location))
        return text

    @property
    def sha256(self) -> str:
        """The known digest of the text."""
        return self.known

    def __reduce__(self) -> tuple[type[SourceFile], tuple[str, str, str]]:
        """Elsewhere it is its text."""
        return SourceFile, (self.path, self.shown, self.text)


def nearest_collection(path: str, collections: Mapping[str, SourceFile]) -> SourceFile | None:
    """The collection file that a model file inherits from: that of its folder, or of the nearest one above."""
    folder = PurePosixPath(path).parent
    return next((collections[f.as_posix()] for f in (folder, *folder.parents) if f.as_posix() in collections), None)


@dataclass(frozen=True, slots=True)
class Source:
    """Everything in a source folder; paths are relative to it, in POSIX form, sorted.

    `states` are the size and the time of the last change of each file, in bytes and nanoseconds.
    """

    root: FilePath
    catalog: SourceFile | None
    collections: dict[str, SourceFile]
    models: tuple[SourceFile, ...]
    files: dict[str, LocalFile]
    diagnostics: tuple[Diagnostic, ...] = ()
    states: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False)


def read_text(location: FilePath, shown: str) -> tuple[str | None, list[Diagnostic]]:
    """The text of a file, without byte order mark; a diagnostic instead when it is too large or not UTF-8."""
    try:
        if location.stat().st_size > MAX_BYTES:
            message = f"the file is larger than {MAX_BYTES / 1e6:g} MB"
            return None, [
                Diagnostic("yaml-syntax", "error", message, Span(shown), "model files are small; link to data")
            ]
        raw = location.read_bytes()
    except OSError as error:
        return None, [_unreadable(shown, "file", error)]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8-sig", "ignore")
        span = span_at(shown, good, len(good))
        return None, [Diagnostic("yaml-syntax", "error", "the file is not UTF-8 text", span, "save it as UTF-8")]


def _unreadable(shown: str, what: str, error: OSError) -> Diagnostic:
    message = f"the {what} cannot be read: {error.strerror or error}"
    return Diagnostic("yaml-syntax", "error", message, Span(shown), f"check the {what} and its permissions")


def read_document(location: FilePath, shown: str) -> tuple[Document | None, list[Diagnostic]]:
    """The document in a file, and what is wrong with it."""
    text, diagnostics = read_text(location, shown)
    if text is None:
        return None, diagnostics
    return parse(shown, text)


def shown_path(location: FilePath) -> str:
    """The path as messages show it: relative to the working directory where it is below, in POSIX form."""
    return _shown(location.resolve())


def _shown(location: FilePath) -> str:
    """The same of an absolute path as it stands, symbolic links included."""
    try:
        return location.relative_to(FilePath.cwd()).as_posix()
    except ValueError:
        return location.as_posix()


def find_root(location: FilePath) -> FilePath:
    """The source folder that a model file belongs to: the nearest one above with a catalog file, else the one above
    its collection file, else its own."""
    location = location.resolve()
    for folder in location.parents:
        if (folder / CATALOG_FILE).is_file():
            return folder
    return location.parent.parent if (location.parent / COLLECTION_FILE).is_file() else location.parent


def find_source(root: FilePath, only: FilePath | None = None, known: Mapping[str, Stamp] = _NOTHING) -> Source:
    """Everything in a source folder: model files as text, other files by name. `only` one model file, if given.

    Hidden files and folders, names that begin with `_`, and text about the folder itself (README, LICENSE …) are left
    out. Symbolic links are followed only to files inside the folder; others are findings. A file whose size and time
    are those of its `known` stamp is not read.
    """
    root, only = root.resolve(), only.resolve() if only else None
    texts: dict[str, SourceFile] = {}
    files: dict[str, LocalFile] = {}
    states: dict[str, tuple[int, int]] = {}
    diagnostics: list[Diagnostic] = []
    for path, entry in _walk(root, diagnostics):
        location = FilePath(entry.path)
        status = entry.stat()
        states[path] = status.st_size, status.st_mtime_ns
        stamp = known.get(path)
        digest = stamp[2] if stamp is not None and stamp[:2] == states[path] else None
        # What is kept of a JSON file that is no model file has the mark of it.
        other = digest.startswith(_OTHER) if digest else not _is_model(location)
        if other:
            files[path] = LocalFile(path, location)
            if digest:
                vars(files[path]).update(size=status.st_size, sha256=digest.removeprefix(_OTHER))
            continue
        settings = entry.name in (CATALOG_FILE, COLLECTION_FILE)
        if only is not None and not settings and location != only:
            continue
        shown = shown_path(location) if entry.is_symlink() else _shown(location)
        if digest and not settings:
            texts[path] = UnreadFile(path, shown, location, digest)
            continue
        text, problems = read_text(location, shown)
        diagnostics += problems
        if text is not None:
            texts[path] = SourceFile(path, shown, text)
            if len(texts) > MANY and not settings:
                texts[path] = UnreadFile(path, shown, location, texts[path].sha256)
    return replace(sort_files(root, texts, files, diagnostics), states=states)


def to_stamps(source: Source, digests: Mapping[str, str]) -> dict[str, Stamp]:
    """The stamps of the files of a source folder, as `find_source` takes them, by the digests of their contents."""
    stamps = {}
    for path, digest in digests.items():
        if path in source.states:
            stamps[path] = (*source.states[path], _OTHER + digest if path in source.files else digest)
    return stamps


def sort_files(
    root: FilePath,
    texts: Mapping[str, SourceFile],
    files: dict[str, LocalFile],
    diagnostics: Iterable[Diagnostic] = (),
) -> Source:
    """The files of a source folder, told apart by their paths: settings, models, and others."""
    folders = {path: PurePosixPath(path) for path in texts}
    collections = {p.parent.as_posix(): texts[path] for path, p in folders.items() if _is_collection(p)}
    models = tuple(texts[path] for path, p in folders.items() if path != CATALOG_FILE and not _is_collection(p))
    return Source(root, texts.get(CATALOG_FILE), collections, models, files, tuple(diagnostics))


def _is_collection(path: PurePosixPath) -> bool:
    return path.name == COLLECTION_FILE and len(path.parts) > 1


def is_left_out(path: str) -> bool:
    """Whether a file is none of a source folder by its path below it: hidden, or about the folder itself."""
    *_, name = parts = path.split("/")
    return any(part.startswith((".", "_")) for part in parts) or _ABOUT_FOLDER.fullmatch(name) is not None


def _walk(root: FilePath, diagnostics: list[Diagnostic]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files below a folder, sorted; what is left out although it looks like one of them is a finding."""
    waiting: list[tuple[str, os.DirEntry[str] | None]] = [("", None)]
    while waiting:
        path, entry = waiting.pop()
        if entry is None or entry.is_dir(follow_symlinks=False):
            try:
                with os.scandir(entry or root) as found:
                    inside = sorted(
                        (e for e in found if not e.name.startswith((".", "_"))), key=lambda e: e.name, reverse=True
                    )
            except OSError as error:
                diagnostics.append(_unreadable(_shown(root / path), "folder", error))
                continue
            waiting += [(f"{path}/{e.name}" if path else e.name, e) for e in inside]
        elif _ABOUT_FOLDER.fullmatch(entry.name):
            continue
        elif not entry.is_file(follow_symlinks=False) and (fault := _find_fault(FilePath(entry.path), root)):
            shown = Span(_shown(FilePath(entry.path)))
            diagnostics.append(Diagnostic("file-unknown", "error", f"{entry.name} {fault}", shown,
                                          "put the file itself here, or begin its name with _"))  # fmt: skip
        else:
            yield path, entry


def _find_fault(location: FilePath, root: FilePath) -> str | None:
    """Why something in a source folder is not read: it is no file, or not one of this folder."""
    try:
        if location.is_symlink():
            if not location.resolve(strict=True).is_relative_to(root):
                return "is a symbolic link that leads out of the source folder"
            if location.is_dir():
                return "is a symbolic link to a folder, which is not followed"
        return None if location.is_file() else "is neither a file nor a folder"
    except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
        return "is a symbolic link that leads nowhere"


def _is_model(location: FilePath) -> bool:
    return location.suffix in MODEL_SUFFIXES and (location.suffix != ".json" or _is_model_json(location))


def _is_model_json(location: FilePath) -> bool:
    """Whether a JSON file is meant as a model file: a STAC Item or anything with `dlm:` in it.

    One that cannot be read may be one.
    """
    try:
        if location.stat().st_size > MAX_BYTES:
            return False
        raw = location.read_bytes()
    except OSError:
        return True
    return is_model_json(raw)


def is_model_json(raw: bytes) -> bool:
    """Whether the content of a JSON file is meant as a model file."""
    return b'"dlm:' in raw or b'"stac_version"' in raw
