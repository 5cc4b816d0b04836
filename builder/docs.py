"""Stage 6, render: the documentation site, built by MkDocs, as artifacts under `docs/`."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

from builder.output import Artifact

FOLDER = "docs"
# MkDocs adds these to every site. Its sitemap has today's date in it, and the site has one of its own.
_LEFT_OUT = frozenset({"sitemap.xml", "sitemap.xml.gz", "404.html"})


class DocsError(Exception):
    """MkDocs could not build the documentation. The message holds what it reported."""


class _Report(logging.Handler):
    """Keeps what MkDocs logs at the level of a warning or above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


_made: dict[str, Any] = {}
"""The pages that were made last, and the state of their files then: a preview builds again and again."""


def render_docs(config_file: FilePath) -> list[Artifact]:
    """The pages of a MkDocs configuration, as `mkdocs build --strict` makes them.

    In one process they are made again only when a file has changed: a page, one of the theme, or the configuration.
    Raises DocsError when MkDocs reports a warning or an error.
    """
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    with _listen() as report:
        try:
            with tempfile.TemporaryDirectory(prefix="docs-") as folder:
                # `strict` would stop at the first warning; all of them are wanted.
                config = load_config(str(config_file), site_dir=folder, strict=False)
                state = _state_of(config_file, config)
                if _made.get("state") == state:
                    return list(_made["artifacts"])
                config.plugins.on_startup(command="build", dirty=False)
                build(config)
                if report.lines:
                    raise DocsError("\n".join(report.lines))
                _made.update(state=state, artifacts=_collect(FilePath(folder)))
                return list(_made["artifacts"])
        except MkDocsException as error:
            raise DocsError("\n".join([*report.lines, str(error)])) from error


@contextmanager
def _listen() -> Iterator[_Report]:
    """What MkDocs logs, which goes nowhere else; and the same date in its pages on every day."""
    report = _Report()
    logger = logging.getLogger("mkdocs")
    level, propagate = logger.level, logger.propagate
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = epoch or "0"
    logger.addHandler(report)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield report
    finally:
        logger.removeHandler(report)
        logger.setLevel(level)
        logger.propagate = propagate
        if epoch is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = epoch


def _state_of(config_file: FilePath, config: Any) -> tuple[Any, ...]:
    """What tells whether the files behind the pages have changed: their names, sizes and times."""
    folders = {FilePath(config.docs_dir), *map(FilePath, config.theme.dirs)}
    files = [config_file, *(path for folder in folders for path in folder.rglob("*") if path.is_file())]
    stats = ((str(path), path.stat()) for path in sorted(files))
    return tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def _collect(folder: FilePath) -> list[Artifact]:
    artifacts = []
    for location in sorted(folder.rglob("*")):
        path = location.relative_to(folder).as_posix()
        if location.is_file() and path not in _LEFT_OUT:
            artifacts.append(Artifact(f"{FOLDER}/{path}", location.read_bytes()))
    return artifacts
