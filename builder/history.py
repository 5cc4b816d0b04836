"""Stage 1, find: the source folder as it is in a revision of git, read without touching the work tree.

Contents come as they are stored: no filter, no attribute and no hook of the repository runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath

from builder.document import MAX_BYTES
from builder.source import LocalFile, Source, SourceFile, is_left_out, is_model_json, sort_files

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n.*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n", re.DOTALL
)


class RevisionError(Exception):
    """The revision cannot be read. The message says why and what to do."""


@dataclass(frozen=True)
class StoredFile(LocalFile):
    """A file beside the model files in a revision. Of one that Git LFS stores elsewhere, size and digest are known."""

    repository: FilePath
    blob: str

    @cached_property
    def _content(self) -> tuple[int, str]:
        content = _git(self.repository, "cat-file", "blob", self.blob)
        if len(content) < 1024 and (pointer := _POINTER.match(content)):
            return int(pointer[2]), pointer[1].decode()
        return len(content), hashlib.sha256(content).hexdigest()

    @cached_property
    def size(self) -> int:
        """Size in bytes."""
        return self._content[0]

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return self._content[1]


def read_revision(revision: str, folder: FilePath) -> Source:
    """The source folder `folder` as it is in a revision: a branch, a tag, a commit, anything that names one.

    Where the folder is not there in the revision, the source is empty. Raises RevisionError for a name that git does
    not know, and outside of a repository.
    """
    if revision.startswith("-"):
        raise RevisionError(f"{revision} is not the name of a revision: it begins with -")
    start = next(place for place in (folder.resolve(), *folder.resolve().parents) if place.is_dir())
    top = FilePath(os.fsdecode(_git(start, "rev-parse", "--show-toplevel")).rstrip("\n")).resolve()
    commit = find_commit(revision, start)
    path = folder.resolve().relative_to(top).as_posix()
    blobs = _list(top, commit, "" if path == "." else f"{path}/")
    texts = _read(top, [blob for name, blob in blobs.items() if name.endswith((".yml", ".yaml", ".json"))])
    models: dict[str, SourceFile] = {}
    files: dict[str, LocalFile] = {}
    for name, blob in blobs.items():
        content = texts.get(blob)
        if content is None or (name.endswith(".json") and not is_model_json(content)):
            files[name] = StoredFile(name, top / path / name, top, blob)
        else:
            shown = f"{revision}:{name if path == '.' else f'{path}/{name}'}"
            # What is no UTF-8 was refused when it was built; here it only must not stop the comparison.
            models[name] = SourceFile(name, shown, content.decode("utf-8-sig", "replace"))
    return sort_files(folder.resolve(), models, files)


def is_repository(folder: FilePath) -> bool:
    """Whether git knows a repository around a folder."""
    try:
        _git(folder, "rev-parse", "--git-dir")
    except RevisionError:
        return False
    return True


def find_commit(revision: str, start: FilePath) -> str:
    """The id of the commit that a name stands for, in the repository around a folder. Raises RevisionError."""
    try:
        found = _git(start, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except RevisionError as error:
        shallow = _git(start, "rev-parse", "--is-shallow-repository").strip() == b"true"
        hint = "; this clone is shallow: `git fetch --unshallow` brings the rest of the history" if shallow else ""
        raise RevisionError(f"{revision} is neither a folder nor a revision of git{hint}") from error
    return found.decode().strip()


def _list(top: FilePath, commit: str, prefix: str) -> dict[str, str]:
    """The files below a folder by their path there, with the ids of their contents; no links, no submodules."""
    arguments = ["ls-tree", "-r", "-z", "--full-tree", commit, *(["--", prefix] if prefix else [])]
    found = {}
    for line in _git(top, "--literal-pathspecs", *arguments).split(b"\0"):
        about, _, name = line.partition(b"\t")
        mode, _, rest = about.partition(b" ")
        path = os.fsdecode(name).removeprefix(prefix)
        if mode in (b"100644", b"100755") and not is_left_out(path):
            found[path] = rest.split(b" ")[1].decode()
    return dict(sorted(found.items()))


def _read(top: FilePath, blobs: Iterable[str]) -> dict[str, bytes]:
    """The contents by their ids; those that are too large to be model files are left out."""
    wanted = list(dict.fromkeys(blobs))
    sizes = _git(top, "cat-file", "--batch-check", text="".join(f"{blob}\n" for blob in wanted)).split()
    small = [blob for blob, size in zip(wanted, sizes[2::3], strict=True) if int(size) <= MAX_BYTES]
    stream = _git(top, "cat-file", "--batch", text="".join(f"{blob}\n" for blob in small))
    found, at = {}, 0
    for blob in small:
        end = stream.index(b"\n", at)
        size = int(stream[at:end].split()[2])
        found[blob] = stream[end + 1 : end + 1 + size]
        at = end + 2 + size
    return found


def _git(folder: FilePath, *arguments: str, text: str = "") -> bytes:
    # The language of messages is fixed, no lock is taken, and nothing is asked on a terminal.
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603  a list of words, without a shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607  wherever git is installed
            input=text.encode(), capture_output=True, check=False, env=environment,
        )  # fmt: skip
    except OSError as error:
        raise RevisionError("git is needed to read revisions, and cannot be started") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RevisionError(lines[0].removeprefix("fatal: ") if lines else f"git {arguments[0]} failed")
    return done.stdout
