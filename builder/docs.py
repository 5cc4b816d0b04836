"""Stage 6, render: the documentation site, built by MkDocs, as artifacts under `docs/`."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path as FilePath

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


def render_docs(config_file: FilePath) -> list[Artifact]:
    """The pages of a MkDocs configuration, as `mkdocs build --strict` makes them.

    Raises DocsError when MkDocs reports a warning or an error.
    """
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    report = _Report()
    logger = logging.getLogger("mkdocs")
    level, propagate = logger.level, logger.propagate
    # The pages must not change from day to day; MkDocs takes its date from here.
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = epoch or "0"
    logger.addHandler(report)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        with tempfile.TemporaryDirectory(prefix="docs-") as folder:
            # `strict` would stop at the first warning; all of them are wanted.
            config = load_config(str(config_file), site_dir=folder, strict=False)
            config.plugins.on_startup(command="build", dirty=False)
            build(config)
            if report.lines:
                raise DocsError("\n".join(report.lines))
            return _collect(FilePath(folder))
    except MkDocsException as error:
        raise DocsError("\n".join([*report.lines, str(error)])) from error
    finally:
        logger.removeHandler(report)
        logger.setLevel(level)
        logger.propagate = propagate
        if epoch is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = epoch


def _collect(folder: FilePath) -> list[Artifact]:
    artifacts = []
    for location in sorted(folder.rglob("*")):
        path = location.relative_to(folder).as_posix()
        if location.is_file() and path not in _LEFT_OUT:
            artifacts.append(Artifact(f"{FOLDER}/{path}", location.read_bytes()))
    return artifacts
