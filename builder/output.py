"""Stage 7, write: the one place that writes. What the build makes is a set of Artifacts; `publish` puts it in place."""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from pathlib import PurePosixPath

import orjson

MANIFEST = "manifest.json"
# Written last, in this order: a reader who comes in the middle finds an old index of pages that exist already.
_LAST = ("models.json", "catalog.json", "index.html")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of the site: its path below the site in POSIX form, and its bytes or the file they are copied from."""

    path: str
    content: bytes | FilePath


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing did, by path."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


class OutputError(Exception):
    """The site cannot be written as asked. The message says why and what to do; nothing was changed."""


def fold_path(path: str) -> str:
    """The path as file systems see it that tell neither case nor the encoding of accents apart."""
    return unicodedata.normalize("NFC", path).casefold()


def to_json(data: object) -> bytes:
    """The bytes of an object as published JSON: sorted keys, two spaces, a newline at the end."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def publish(artifacts: Iterable[Artifact], site: FilePath) -> Published:
    """Makes `site` hold exactly the artifacts, besides files that are not ours.

    Everything that changes is first written beside the site, so that a full disk or a crash until then leaves the
    previous site as it was; then each file is moved into place in one step. Files of the previous build that are not
    among the artifacts are removed; they are known from the manifest, and nothing else is ever removed.

    Raises OutputError when two artifacts have one path, a path leaves the site, or `site` is a folder with other
    content that no build has made.
    """
    wanted = _by_path(artifacts)
    previous = _read_manifest(site)
    if previous is None and site.exists() and (not site.is_dir() or any(site.iterdir())):
        raise OutputError(
            f"{site} is not empty and holds no {MANIFEST}, so it was not made by build-catalog; "
            "choose another folder with --output, or empty it"
        )
    manifest = {path: _digest(artifact) for path, artifact in sorted(wanted.items())}
    wanted[MANIFEST] = Artifact(MANIFEST, to_json({"files": manifest, "manifest_version": "1.0.0"}))
    changed = [path for path in wanted if not _same(wanted[path], site / path)]
    removed = sorted(path for path in previous or () if path not in wanted and _is_ours(site / path, site))
    _refuse_obstacles(changed, removed, site)
    if changed:
        is_new = not site.exists()
        site.mkdir(parents=True, exist_ok=True)
        # Beside the files it replaces, so that moving stays on one file system.
        stage = FilePath(tempfile.mkdtemp(prefix=".build-", dir=site))
        try:
            for number, path in enumerate(changed):
                _write(wanted[path], stage / str(number))
            is_new = False
            # What is removed first makes room for a folder where a file was, and the other way round.
            for path in removed:
                if _makes_room(path, changed):
                    _remove(path, site)
            order = sorted(enumerate(changed), key=lambda item: (_rank(item[1]), item[1]))
            for number, path in order:
                target = site / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.is_dir() and not target.is_symlink():
                    shutil.rmtree(target)  # of empty folders, see _refuse_obstacles
                (stage / str(number)).replace(target)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            if is_new:
                site.rmdir()
    for path in removed:
        if _is_ours(site / path, site):
            _remove(path, site)
    unchanged = sorted(wanted.keys() - set(changed))
    return Published(tuple(sorted(changed)), tuple(unchanged), tuple(removed))


def replace_text(texts: Mapping[FilePath, str]) -> None:
    """Replaces the texts of files, each in one step, none when one of them is write-protected; permissions stay."""
    for location in texts:
        if not (location.stat().st_mode & 0o222 and os.access(location, os.W_OK)):
            raise OutputError(f"{location} is write-protected; nothing was changed")
    for location, text in texts.items():
        new: FilePath | None = None
        try:
            with tempfile.NamedTemporaryFile(dir=location.parent, prefix=".mend-", delete=False) as made:
                new = FilePath(made.name)
                made.write(text.encode())
            shutil.copymode(location, new)
            new.replace(location)
        except OSError as error:
            if new is not None:
                new.unlink(missing_ok=True)
            raise OutputError(f"{location} cannot be written: {error.strerror or error}") from error


def write_new(location: FilePath, text: str) -> None:
    """Writes a file that must not be there yet, and the folders it lies in."""
    try:
        location.parent.mkdir(parents=True, exist_ok=True)
        with location.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise OutputError(f"{location} exists already and is left as it is") from error
    except OSError as error:
        raise OutputError(f"{location} cannot be written: {error.strerror or error}") from error


def _by_path(artifacts: Iterable[Artifact]) -> dict[str, Artifact]:
    wanted: dict[str, Artifact] = {}
    folded: dict[str, str] = {MANIFEST: MANIFEST}
    for artifact in artifacts:
        pure = PurePosixPath(artifact.path)
        plain = bool(pure.parts) and pure.as_posix() == artifact.path
        if pure.is_absolute() or ".." in pure.parts or not plain or "\\" in artifact.path:
            raise OutputError(f"the path {artifact.path!r} leaves the site")
        # Folded, because the site may be unpacked where case does not count.
        other = folded.setdefault(fold_path(artifact.path), artifact.path)
        if artifact.path in wanted or other != artifact.path or artifact.path == MANIFEST:
            raise OutputError(f"two files want the path {artifact.path!r} (the other one: {other!r})")
        wanted[artifact.path] = artifact
    for path in wanted:
        for folder in PurePosixPath(path).parents:
            if (file := folded.get(fold_path(str(folder)))) is not None:
                raise OutputError(f"{file!r} is wanted as a file and, for {path!r}, as a folder")
    return wanted


def _rank(path: str) -> int:
    if path == MANIFEST:
        return len(_LAST) + 1
    return _LAST.index(path) + 1 if path in _LAST else 0


def _read_manifest(site: FilePath) -> list[str] | None:
    """The paths that the previous build made; None when there is no readable manifest."""
    try:
        files = orjson.loads((site / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(files, dict):
        return None
    # The manifest may have been edited: only paths that stay inside the site count.
    return [
        path for path in files if isinstance(path, str) and not path.startswith("/") and ".." not in path.split("/")
    ]


def _digest(artifact: Artifact) -> str:
    if isinstance(artifact.content, bytes):
        return hashlib.sha256(artifact.content).hexdigest()
    with artifact.content.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _same(artifact: Artifact, target: FilePath) -> bool:
    try:
        if isinstance(artifact.content, bytes):
            return target.stat().st_size == len(artifact.content) and target.read_bytes() == artifact.content
        return target.stat().st_size == artifact.content.stat().st_size and filecmp.cmp(
            artifact.content, target, shallow=False
        )
    except OSError:
        return False


def _write(artifact: Artifact, target: FilePath) -> None:
    if isinstance(artifact.content, bytes):
        target.write_bytes(artifact.content)
    else:
        shutil.copyfile(artifact.content, target)


def _is_ours(target: FilePath, site: FilePath) -> bool:
    """Whether a file that the manifest names may be removed: it is one, and inside the site also by its real path."""
    return target.is_file() and target.parent.resolve().is_relative_to(site.resolve())


def _makes_room(path: str, changed: Iterable[str]) -> bool:
    return any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in changed)


def _refuse_obstacles(changed: Iterable[str], removed: Iterable[str], site: FilePath) -> None:
    """Raises where a file that is not ours stands in the place of a folder, or the other way round."""
    going = {site / path for path in removed}
    for path in changed:
        target = site / path
        for folder in target.relative_to(site).parents[:-1]:
            if (site / folder).is_file() and site / folder not in going:
                raise OutputError(f"{site / folder} is a file, but the site needs a folder there; move it away")
        inside = target.rglob("*") if target.is_dir() else ()
        if any((found.is_symlink() or not found.is_dir()) and found not in going for found in inside):
            raise OutputError(f"{target} is a folder with files of its own, but the site needs a file there; move it")


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
