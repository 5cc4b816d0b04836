"""The stage that makes the documentation a part of the site, on small documentations of its own."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from sources import MINIMAL, build_files, write

from builder.docs import DocsError, render_docs

CONFIG = """\
site_name: Test
theme: {name: mkdocs, highlightjs: false}
plugins: []
nav: [{Start: index.md}]
"""


def documentation(folder: Path, page: str = "# Start\n\nHello.\n", config: str = CONFIG) -> Path:
    write(folder, {"mkdocs.yml": config, "docs/index.md": page})
    return folder / "mkdocs.yml"


def test_pages_lie_below_docs(tmp_path: Path) -> None:
    artifacts = {artifact.path: artifact.content for artifact in render_docs(documentation(tmp_path))}
    page = artifacts["docs/index.html"]
    assert isinstance(page, bytes)
    assert b"Hello." in page
    assert all(path.startswith("docs/") for path in artifacts)
    # The site has these itself, and MkDocs writes today's date into its own site map.
    assert not artifacts.keys() & {"docs/sitemap.xml", "docs/sitemap.xml.gz", "docs/404.html"}
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("epoch", [None, "0", "1700000000"])
def test_pages_do_not_change_and_the_environment_neither(
    epoch: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    if epoch is not None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    logger = logging.getLogger("mkdocs")
    before = (logger.level, logger.propagate, list(logger.handlers), dict(os.environ))
    config = documentation(tmp_path)
    assert render_docs(config) == render_docs(config)
    assert (logger.level, logger.propagate, list(logger.handlers), dict(os.environ)) == before


@pytest.mark.parametrize(
    ("page", "config", "message"),
    [
        ("[one](nowhere.md) and [two](also-nowhere.md)", CONFIG, "also-nowhere.md"),
        ("# Start", CONFIG + "nonsense_option: 1\n", "nonsense_option"),
        ("# Start", CONFIG.replace("mkdocs, ", "no-such-theme, "), "no-such-theme"),
        ("# Start", "site_name: [\n", "mkdocs.yml"),
    ],
)
def test_faults_of_the_documentation_are_told_together(page: str, config: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DocsError) as caught:
        render_docs(documentation(tmp_path, page, config))
    assert message.lower() in str(caught.value).lower()
    if "nowhere" in message:
        assert "'nowhere.md'" in str(caught.value)


def test_documentation_is_a_part_of_the_site_when_it_is_asked_for(tmp_path: Path) -> None:
    config = documentation(tmp_path / "docs")
    made = build_files(tmp_path / "source", {"c/a.yml": MINIMAL}, docs=config)
    assert "docs/index.html" in {artifact.path for artifact in made.artifacts}
    without = build_files(tmp_path / "source", {"c/a.yml": MINIMAL})
    assert not [artifact.path for artifact in without.artifacts if artifact.path.startswith("docs/")]
