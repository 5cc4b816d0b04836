"""Versions, deprecation and withdrawal, from the model file to the pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pystac
import pytest
from shared import ROOT
from sources import MINIMAL, build_files, find_item

from builder import schema
from builder.dlm import DLMExtension
from builder.exporting import find_entries
from builder.output import publish
from builder.pipeline import Build, Settings, build
from builder.validate import check_item

GOLDEN = ROOT / "tests" / "golden" / "source"
WITHDRAWN = "withdrawn: {reason: It was wrong., since: 2024-10-02}\n"


@pytest.fixture(scope="module")
def made() -> Build:
    """Three versions of one model, of which the last is withdrawn in favour of the second."""
    result = build(Settings(GOLDEN))
    assert not result.failed
    return result


def page(made: Build, path: str) -> str:
    content = next(artifact.content for artifact in made.artifacts if artifact.path == path)
    assert isinstance(content, bytes)
    return content.decode()


def words(html: str) -> str:
    """The text of a page on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# --- withdrawal ------------------------------------------------------------------------------------------------------


def test_a_withdrawn_model_keeps_its_item_which_says_so(made: Build) -> None:
    item = find_item(made, "land-cover/unet-3/unet-3.json")
    assert check_item(item) == []
    assert item["properties"]["deprecated"] is True
    assert item["properties"]["dlm:withdrawn"] == {
        "reason": "It was trained on tiles of the test set.",
        "since": "2024-10-02T00:00:00Z",
        "replaced_by": "unet-2",
    }
    links = {(link["rel"], link["href"]) for link in item["links"]}
    assert ("related", "../unet-2/unet-2.json") in links
    assert ("latest-version", "../unet-2/unet-2.json") in links
    assert schema.VERSION in item["stac_extensions"]


def test_the_extension_reads_the_withdrawal(made: Build, tmp_path: Path) -> None:
    publish(made.artifacts, tmp_path / "site")
    with pytest.warns(pystac.errors.DeprecatedWarning, match="unet-3"):
        item = pystac.Item.from_file(tmp_path / "site" / "land-cover" / "unet-3" / "unet-3.json")
    withdrawn = DLMExtension.ext(item).withdrawn
    assert withdrawn is not None
    assert (withdrawn.reason, withdrawn.replaced_by) == ("It was trained on tiles of the test set.", "unet-2")
    item = pystac.Item.from_file(tmp_path / "site" / "land-cover" / "unet-2" / "unet-2.json")
    assert DLMExtension.ext(item).withdrawn is None


def test_the_weights_of_a_withdrawn_model_are_not_offered(made: Build) -> None:
    item = find_item(made, "land-cover/unet-3/unet-3.json")
    assert item["assets"].keys() == {"card"}
    assert not any(path.startswith("land-cover/unet-3/") and path.endswith(".onnx") for path in paths(made))
    card = page(made, "land-cover/unet-3/index.html")
    assert "unet.onnx" not in card
    assert "docker run" not in card
    record = next(model for model in find_item(made, "models.json")["models"] if model["id"] == "unet-3")
    assert "weights" not in record
    assert record["deprecated"] is True
    assert record["withdrawn"]["replaced_by"] == "unet-2"


def paths(made: Build) -> set[str]:
    return {artifact.path for artifact in made.artifacts}


def test_a_withdrawn_model_carries_no_mlm_even_if_its_file_does(tmp_path: Path) -> None:
    text = MINIMAL + WITHDRAWN + "mlm:name: a\nassets: {w: {href: 'https://e.org/a.onnx', roles: [weights]}}\n"
    text += "stac_extensions: ['https://stac-extensions.github.io/mlm/v1.5.2/schema.json']\n"
    item = find_item(build_files(tmp_path, {"c/a.yml": text}), "c/a/a.json")
    assert not any(key.startswith("mlm:") for key in item["properties"])
    assert not any("/mlm/" in uri for uri in item["stac_extensions"])


def test_the_card_of_a_withdrawn_model_says_why_since_when_and_what_to_use(made: Build) -> None:
    text = words(page(made, "land-cover/unet-3/index.html"))
    assert "Withdrawn on 2024-10-02 . It was trained on tiles of the test set." in text
    assert "Use Land cover U-Net 2 1.10 instead." in text
    assert "Deprecated" not in text


def test_a_replacement_may_lie_elsewhere(tmp_path: Path) -> None:
    text = MINIMAL + WITHDRAWN.replace("}", ", replaced_by: 'https://example.org/b?x=1&y=2'}")
    made = build_files(tmp_path, {"c/a.yml": text})
    card = page(made, "c/a/index.html")
    assert '<a href="https://example.org/b?x=1&amp;y=2" rel="noopener nofollow">' in card
    related = [link for link in find_item(made, "c/a/a.json")["links"] if link["rel"] == "related"]
    assert [link["href"] for link in related] == ["https://example.org/b?x=1&y=2"]


@pytest.mark.parametrize("target", ["javascript:alert(1)", "a", "b", "//e.org/x", "../d/c"])
def test_a_replacement_that_leads_nowhere_is_an_error(target: str, tmp_path: Path) -> None:
    files = {"c/a.yml": MINIMAL + WITHDRAWN.replace("}", f", replaced_by: '{target}'}}"), "d/c.yml": MINIMAL}
    made = build_files(tmp_path, {**files, "c/b.yml": MINIMAL + WITHDRAWN})
    (found,) = [d for d in made.diagnostics if d.severity == "error"]
    assert (found.rule, found.span.line) == ("withdrawal-target", 3)


def test_the_published_spelling_is_read_too_but_not_both(tmp_path: Path) -> None:
    made = build_files(tmp_path, {"c/a.yml": MINIMAL + "dlm:" + WITHDRAWN})
    assert "dlm:withdrawn" in find_item(made, "c/a/a.json")["properties"]
    both = build_files(tmp_path, {"c/a.yml": MINIMAL + "dlm:" + WITHDRAWN + WITHDRAWN})
    (found,) = [d for d in both.diagnostics if d.severity == "error"]
    assert (found.rule, found.span.line, found.related[0][0].line) == ("key-duplicate", 4, 3)


def test_an_export_of_a_withdrawn_model_has_no_weights() -> None:
    (entry,), _ = find_entries("unet-3", GOLDEN)
    assert entry.item["assets"].keys() == {"card"}
    assert json.dumps(entry.item).count("mlm:") == 0
