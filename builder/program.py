"""Which program this is: what must be the same for two processes to make the same bytes of the same source."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path as FilePath

from builder import __version__

_DISTRIBUTION = "dlm-catalog"


@cache
def describe_program() -> dict[str, str]:
    """The versions of Python, of the libraries that the package needs and of the package, and a digest of its code.

    The digest is for whoever works on the code: it changes with each edit, the version does not.
    """
    versions = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for line in importlib.metadata.requires(_DISTRIBUTION) or ():
        if "extra ==" not in line and (name := re.match(r"[\w.-]+", line)):
            versions[name[0].lower()] = importlib.metadata.version(name[0])
    return {**versions, _DISTRIBUTION: __version__, "code": _digest(FilePath(__file__).parent)}


@cache
def describe_extras() -> dict[str, str]:
    """The versions of the libraries of extras that are installed: what is said of a model file may depend on them."""
    found = {}
    for line in importlib.metadata.requires(_DISTRIBUTION) or ():
        if "extra ==" in line and (name := re.match(r"[\w.-]+", line)) and name[0].lower() != _DISTRIBUTION:
            with suppress(importlib.metadata.PackageNotFoundError):
                found[name[0].lower()] = importlib.metadata.version(name[0])
    return found


def _digest(package: FilePath) -> str:
    state = hashlib.sha256()
    for location in sorted(package.rglob("*")):
        if location.suffix in (".py", ".json", ".mo") and location.is_file():
            content = location.read_bytes()
            state.update(f"{location.relative_to(package).as_posix()}\0{len(content)}\0".encode())
            state.update(content)
    return state.hexdigest()
