"""The MkDocs plugin `dlm-catalog`: adds the reference pages, and makes what is wide scroll inside its own region."""

from __future__ import annotations

import html
import re
from typing import Any

from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files

from builder import reference

_HEADING_OR_TABLE = re.compile(r"<h[1-6][^>]*>(?P<heading>.*?)</h[1-6]>|<table>.*?</table>", re.DOTALL)
_PERMALINK = re.compile(r'<a class="headerlink".*?</a>')
_TAG = re.compile(r"<[^>]+>")


class NoSettings(Config):  # type: ignore[no-untyped-call]
    """MkDocs wants a class of its own for the settings of a plugin."""


class DLMCatalogPlugin(BasePlugin[NoSettings]):  # type: ignore[no-untyped-call]
    """Use it with `plugins: [dlm-catalog]`; it has no settings."""

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """The files of the documentation with the generated pages among them."""
        for path, text in reference.pages().items():
            files.append(File.generated(config, path, content=text))
        return files

    def on_page_content(self, html: str, **_: Any) -> str:
        """The page with tables and code that can be scrolled by keyboard, as on the pages of the catalog."""
        return with_regions(html)


def with_regions(page: str) -> str:
    """HTML whose tables are regions named after the heading above them, and whose code takes the focus."""
    heading, number = "", 0

    def wrap(match: re.Match[str]) -> str:
        nonlocal heading, number
        if match["heading"] is not None:
            heading = html.unescape(_TAG.sub("", _PERMALINK.sub("", match["heading"]))).strip()
            return match[0]
        number += 1
        label = html.escape(f"Table {number}: {heading}" if heading else f"Table {number}")
        return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">{match[0]}</div>'

    return _HEADING_OR_TABLE.sub(wrap, page).replace("<pre>", '<pre tabindex="0">').replace("<th>", '<th scope="col">')
