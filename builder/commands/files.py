"""Files that authors asked for: replaced or made, each in one step."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path as FilePath

from builder.output import OutputError


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


def write_new(location: FilePath, content: str | bytes) -> None:
    """Writes a file that must not be there yet, and the folders it lies in."""
    try:
        location.parent.mkdir(parents=True, exist_ok=True)
        with location.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except FileExistsError as error:
        raise OutputError(f"{location} exists already and is left as it is") from error
    except OSError as error:
        raise OutputError(f"{location} cannot be written: {error.strerror or error}") from error
