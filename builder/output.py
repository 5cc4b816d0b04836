"""Stage 7, write: the one place that writes. What the build makes is a set of Artifacts; `publish` puts it in place."""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import signal
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

import orjson

from builder.held import MANIFEST, Held, States, find_states, read_manifest, sha256_of

# Written last, in this order: a reader who comes in the middle finds an old index of pages that exist already.
_LAST = ("models.json", "catalog.json", "index.html")
_TRIES, _PAUSE = 50, 0.02
"""How often, and after how many seconds, the stage is removed again while another process still writes there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The content of a file that the site holds already, by its SHA-256 in hexadecimal."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Staged:
    """Content that waits on the stage, by its SHA-256 in hexadecimal."""

    sha256: str


@dataclass(frozen=True)
class Artifact:
    """A file of the site: its path below the site in POSIX form, and its bytes, the file they are copied from, or the
    word that they are there or on the stage."""

    path: str
    content: bytes | FilePath | Kept | Staged

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        if isinstance(self.content, Kept | Staged):
            return self.content.sha256
        if isinstance(self.content, bytes):
            return hashlib.sha256(self.content).hexdigest()
        return sha256_of(self.content)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Many files that the site holds already, with their SHA-256 by path."""

    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Some files that are made together: of what, in values that JSON can hold and dataclasses of them, and how."""

    name: str
    inputs: tuple[Any, ...]
    make: Callable[[], Iterable[Artifact]]


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing did, by path; and the states of the files now, where those before it were given."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    states: States = field(default=States(), compare=False)


class OutputError(Exception):
    """The site cannot be written as asked. The message says why and what to do; nothing was changed."""


def fold_path(path: str) -> str:
    """The path as file systems see it that tell neither case nor the encoding of accents apart."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def to_json(data: object) -> bytes:
    """The bytes of an object as published JSON: sorted keys, two spaces, a newline at the end."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def to_json_line(data: object) -> bytes:
    """The bytes of an object as JSON on one line: sorted keys, a newline at the end."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def publish(artifacts: Iterable[Artifact | Unchanged], site: FilePath, held: Held | None = None) -> Published:
    """Makes `site` hold exactly the artifacts, besides files that are not ours: see Stage."""
    with Stage(site, held) as stage:
        return stage.publish(artifacts)


class Stage:
    """The folder in the site where the files that change wait, each at its path, until all of them are there.

    `held` is what `find_held` found in the site, which saves reading it; artifacts that are Kept must be among it.
    Raises OutputError when `site` is a folder with other content that no build has made.
    """

    def __init__(self, site: FilePath, held: Held | None = None) -> None:
        self.site = site
        self.held = held
        self.folder: FilePath | None = None
        self.changed: list[str] = []
        self.made_site = not site.exists()
        self.previous = held.stated if held is not None and held.is_current(site) else read_manifest(site)
        if self.previous is None and not self.made_site and (not site.is_dir() or any(site.iterdir())):
            raise OutputError(
                f"{site} is not empty and holds no {MANIFEST}, so it was not made by build-catalog; "
                "choose another folder with --output, or empty it"
            )

    def __enter__(self) -> Stage:
        return self

    def publish(self, artifacts: Iterable[Artifact | Unchanged]) -> Published:
        """Makes the site hold exactly the artifacts, besides files that are not ours.

        Each artifact that is new or different is written beside the site as it comes, so that none has to stay in
        memory, and a full disk, a crash or an error of the iterator leaves the previous site as it was; when all have
        come, each file or new folder is moved into place in one step. Files of the previous build that are not among
        the artifacts are removed; they are known from the manifest, and nothing else is ever removed.

        Raises OutputError when two artifacts have one path, or a path leaves the site.
        """
        paths, manifest, site = _Paths(), dict[str, str](), self.site
        for artifact in artifacts:
            if isinstance(artifact, Unchanged):
                paths.add_all(artifact.files)
                manifest.update(artifact.files)
                continue
            paths.add(artifact.path)
            manifest[artifact.path] = artifact.sha256
            self._put(artifact)
        paths.refuse_files_as_folders()
        index = Artifact(MANIFEST, to_json({"files": manifest, "manifest_version": "1.0.0"}))
        self._put(index)
        gone = (path for path in self.previous or () if path not in manifest)
        removed = sorted(path for path in gone if _is_ours(site / path, site))
        _refuse_obstacles(self.changed, removed, site)
        with _uninterrupted():
            self._move(removed)
            for path in removed:
                if _is_ours(site / path, site):
                    _remove(path, site)
        unchanged = sorted({*manifest, MANIFEST}.difference(self.changed))
        states = find_states(site, manifest, index.sha256, self.held, self.changed) if self.held else States()
        return Published(tuple(sorted(self.changed)), tuple(unchanged), tuple(removed), states)

    def open(self) -> str:
        """The folder, for processes of this machine that put artifacts there with `stage_artifacts`."""
        if self.folder is None:
            self.site.mkdir(parents=True, exist_ok=True)
            # Inside the site, so that moving stays on one file system.
            self.folder = FilePath(tempfile.mkdtemp(prefix=".build-", dir=self.site))
        return str(self.folder)

    def _put(self, artifact: Artifact) -> None:
        """Writes an artifact here if the site does not hold it yet."""
        if self.held is not None:
            same = self.held.get(artifact.path) == artifact.sha256
        else:
            same = not self.made_site and _same(artifact, f"{self.site}/{artifact.path}")
        if same:
            if isinstance(artifact.content, Staged):
                os.unlink(f"{self.folder}/{artifact.path}")  # noqa: PTH108
            return
        self.changed.append(artifact.path)
        if not isinstance(artifact.content, Staged):
            self._write_there(artifact)

    @cached_property
    def _write_there(self) -> Callable[[Artifact], None]:
        return _putting(self.open())

    def _move(self, removed: Iterable[str]) -> None:
        """Moves what has changed into place, after removing what stands in the way."""
        self.made_site = False
        # What is removed first makes room for a folder where a file was, and the other way round.
        for path in _in_the_way(removed, self.changed):
            _remove(path, self.site)
        if self.folder is not None:
            _merge(str(self.folder), str(self.site))

    def __exit__(self, *_: object) -> None:
        if self.folder is not None:
            # A process that is in the middle of a batch fails at its next file, because its folder is gone; the one
            # that it was writing may have come in between.
            for _attempt in range(_TRIES):
                shutil.rmtree(self.folder, ignore_errors=True)
                if not self.folder.exists():
                    break
                time.sleep(_PAUSE)
            if self.made_site:
                self.site.rmdir()


def stage_artifacts(artifacts: Iterable[Artifact], stage: str) -> list[Artifact]:
    """The artifacts with what they hold in memory put on the stage. Raises OutputError where they leave it, or the
    stage holds something else at their path."""
    put, staged = _putting(stage), []
    for artifact in artifacts:
        if isinstance(artifact.content, bytes):
            _refuse_outside(artifact.path)
            put(artifact)
            staged.append(Artifact(artifact.path, Staged(artifact.sha256)))
        else:
            staged.append(artifact)
    return staged


def _putting(stage: str) -> Callable[[Artifact], None]:
    """What writes artifacts on the stage, each at its path. It never makes the stage itself: that may be gone."""
    there = {""}

    def make(folder: str) -> None:
        if folder not in there:
            make(folder.rpartition("/")[0])
            try:
                os.mkdir(f"{stage}/{folder}")  # noqa: PTH102
            except FileExistsError:
                if not os.path.isdir(f"{stage}/{folder}"):  # noqa: PTH112
                    raise  # otherwise another process made it
            there.add(folder)

    def put(artifact: Artifact) -> None:
        path = artifact.path
        try:
            make(path.rpartition("/")[0])
            _write(artifact, f"{stage}/{path}")
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise OutputError(f"{path!r} is wanted as a file and as a folder, or as two files") from error

    return put


def _merge(source: str, target: str) -> None:
    """Moves all that is in one folder into another one: as a whole where the other has nothing of the name."""
    with os.scandir(source) as entries:
        found = sorted(entries, key=lambda entry: (_rank(entry.name), entry.name))
    for entry in found:
        to = f"{target}/{entry.name}"
        if not entry.is_dir():
            if os.path.isdir(to) and not os.path.islink(to):  # noqa: PTH112, PTH114
                shutil.rmtree(to)  # of empty folders, see _refuse_obstacles
            os.replace(entry.path, to)  # noqa: PTH105
        elif os.path.isdir(to) or not _moved(entry.path, to):  # noqa: PTH112
            os.makedirs(to, exist_ok=True)  # noqa: PTH103
            _merge(entry.path, to)


def _moved(folder: str, to: str) -> bool:
    """Whether a folder could be moved; on Windows it cannot while a file in it is open, as for a virus scanner."""
    try:
        os.rename(folder, to)  # noqa: PTH104
    except OSError:
        return False
    return True


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Lets what would end the program come to nothing while files are moved, after which there is nothing to stop."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler or signal.SIG_DFL)


class _Paths:
    """The paths that are wanted, none of them twice."""

    def __init__(self) -> None:
        self.folded: dict[str, str] = {MANIFEST: MANIFEST}

    def add(self, path: str) -> None:
        _refuse_outside(path)
        self.add_all([path])

    def add_all(self, paths: Iterable[str]) -> None:
        """The same for paths that do not leave the site, because files are there already."""
        for path in paths:
            # Folded, because the site may be unpacked where case does not count.
            folded = fold_path(path)
            if (other := self.folded.get(folded)) is not None:
                raise OutputError(f"two files want the path {path!r} (the other one: {other!r})")
            self.folded[path if folded == path else folded] = path  # one string in memory rather than two

    def refuse_files_as_folders(self) -> None:
        inner = {folded.rpartition("/")[0]: path for folded, path in self.folded.items()}
        folders = {folder: path for start, path in inner.items() for folder in (start, *_folders(start))}
        for folder, path in folders.items():
            if (file := self.folded.get(folder)) is not None:
                raise OutputError(f"{file!r} is wanted as a file and, for {path!r}, as a folder")


def _refuse_outside(path: str) -> None:
    if "\\" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise OutputError(f"the path {path!r} leaves the site")


def _folders(path: str) -> Iterator[str]:
    """The folders that a path in POSIX form lies in, from the innermost."""
    while (path := path.rpartition("/")[0]) != "":
        yield path


def _rank(path: str) -> int:
    if path == MANIFEST:
        return len(_LAST) + 1
    return _LAST.index(path) + 1 if path in _LAST else 0


class _Folders:
    """Which folders of the site there are: each is asked for once, not for every file in it."""

    def __init__(self, site: FilePath) -> None:
        self.site = site
        self.known: dict[str, str] = {"": "folder"}

    def what(self, folder: str) -> str:
        """`folder`, `file` (anything that is none), or empty where nothing has the path."""
        known = self.known.get(folder)
        if known is None:
            known = self.what(folder.rpartition("/")[0])
            if known == "folder":
                location = f"{self.site}/{folder}"
                known = "folder" if os.path.isdir(location) else "file" if os.path.lexists(location) else ""  # noqa: PTH112
            self.known[folder] = known
        return known

    def holds(self, path: str) -> bool:
        """Whether the folder that the path lies in is there."""
        return self.what(path.rpartition("/")[0]) == "folder"


def _same(artifact: Artifact, target: str) -> bool:
    try:
        if isinstance(artifact.content, bytes):
            if os.stat(target).st_size != len(artifact.content):  # noqa: PTH116
                return False
            with open(target, "rb", buffering=0) as stream:  # noqa: PTH123
                return stream.readall() == artifact.content
        if isinstance(artifact.content, Kept | Staged):
            return sha256_of(FilePath(target)) == artifact.content.sha256
        same_size = os.stat(target).st_size == artifact.content.stat().st_size  # noqa: PTH116
        return same_size and filecmp.cmp(artifact.content, target, shallow=False)
    except OSError:
        return False


def _write(artifact: Artifact, target: str) -> None:
    if isinstance(artifact.content, bytes):
        # Without Python's own file, which asks the system three things more: there are a hundred thousand files.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            rest = memoryview(artifact.content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)
    elif isinstance(artifact.content, Kept | Staged):
        raise OutputError(f"{artifact.path} was changed while the site was built; build it again")
    else:
        shutil.copyfile(artifact.content, target)


def _is_ours(target: FilePath, site: FilePath) -> bool:
    """Whether a file that the manifest names may be removed: it is one, and inside the site also by its real path."""
    return target.is_file() and target.parent.resolve().is_relative_to(site.resolve())


def _in_the_way(removed: Iterable[str], changed: Iterable[str]) -> list[str]:
    """Those that are a folder where a file is wanted, or a file where a folder is."""
    files = set(changed)
    folders = {folder for path in files for folder in _folders(path)}
    return [path for path in removed if path in folders or not files.isdisjoint(_folders(path))]


def _refuse_obstacles(changed: Iterable[str], removed: Iterable[str], site: FilePath) -> None:
    """Raises where a file that is not ours stands in the place of a folder, or the other way round."""
    going = {site / path for path in removed}
    there = _Folders(site)
    for path in changed:
        for folder in _folders(path):
            if there.what(folder) == "file" and (site / folder).is_file() and site / folder not in going:
                raise OutputError(f"{site / folder} is a file, but the site needs a folder there; move it away")
        if not there.holds(path) or not os.path.isdir(f"{site}/{path}"):  # noqa: PTH112
            continue
        if any((found.is_symlink() or not found.is_dir()) and found not in going for found in (site / path).rglob("*")):
            raise OutputError(
                f"{site / path} is a folder with files of its own, but the site needs a file there; move it"
            )


def _remove(path: str, site: FilePath) -> None:
    (site / path).unlink()
    _remove_empty_folders((site / path).parent, site)


def _remove_empty_folders(folder: FilePath, site: FilePath) -> None:
    while folder != site and folder.is_relative_to(site):
        try:
            os.rmdir(folder)  # noqa: PTH106  refuses a folder that is not empty, which is the point
        except OSError:
            return
        folder = folder.parent
