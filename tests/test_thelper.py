"""The example of the extension's authors, a draft: one run explains everything that keeps it from being published."""

from __future__ import annotations

import re

import pytest
from shared import SHARED, needs_shared

from builder import pipeline
from builder.diagnostic import Diagnostic

pytestmark = needs_shared

DRAFT = SHARED / "examples" / "dlm" / "thelper-unet.yml"


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return DRAFT.read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def diagnostics() -> tuple[Diagnostic, ...]:
    return pipeline.check_file(DRAFT).diagnostics


@pytest.mark.parametrize(
    ("written", "rule", "says"),
    [
        ("id: 11234", "value-ambiguous", 'quote it: id: "11234"'),
        ("collection: a eo model catalog", "id-unsafe", "collection: a-eo-model-catalog"),
        ("assets:", "key-draft", "write assets as a mapping"),
        ("role: ", "key-draft", "write roles"),
        ("href: https://drive.google.com/", "asset-temporary", "shared drive"),
        ("- - - 180.0", "geometry-ring", "add [180, 90] at the end"),
        ("common_name: pancro", "common-name", "did you mean pan?"),
        ("center_wavelength: 400", "wavelength-unit", "in micrometres: 0.4"),
        ("center_wavelength: 490", "wavelength-unit", "in micrometres: 0.49"),
        ("center_wavelength: 500", "wavelength-unit", "in micrometres: 0.5"),
        ("center_wavelength: 660", "wavelength-unit", "in micrometres: 0.66"),
        ("center_wavelength: 850", "wavelength-unit", "in micrometres: 0.85"),
        ("version: 1.5", "value-ambiguous", 'quote it: version: "1.5"'),
        ("model_commit_hash:", "value-empty", "model_commit_hash has no value"),
        ("model_src_url:", "commit-missing", "add model_commit_hash"),
        ("image_name: thelper-geo:latest", "docker-tag", "image_name: thelper-geo and tag: latest"),
        ("process_level: ortho", "process-level", "not its level"),
        ("number_of_bands: 4", "band-count", "eo:bands lists 5"),
        ("channels: 3", "key-draft", "write dim"),
        ("selected_bands:", "key-draft", "write selected_band"),
        ("scaling_factor: 0.003921569", "scaling-range", "brings uint16, which reaches 65,535, to 257"),
        ("class_name_mapping:", "class-offset", "6 classes are mapped, with indices up to 5, but 5 are predicted"),
        ("- image licensor", "key-draft", "is read as licensor"),
        ("- image provider", "key-draft", "is left out"),
    ],
)
def test_fault_is_explained_at_its_line(
    lines: list[str], diagnostics: tuple[Diagnostic, ...], written: str, rule: str, says: str
) -> None:
    (number,) = (n for n, line in enumerate(lines, 1) if re.match(rf"\s*(- )?{re.escape(written)}", line))
    found = [d for d in diagnostics if d.rule == rule and d.span.line == number]
    assert len(found) == 1
    assert says in f"{found[0].message} {found[0].hint}"


def test_disagreement_about_bands_is_explained(lines: list[str], diagnostics: tuple[Diagnostic, ...]) -> None:
    number = next(n for n, line in enumerate(lines, 1) if line.strip().startswith("selected_bands:"))
    (order,) = (d for d in diagnostics if d.rule == "band-order")
    assert order.span.line == number + 1
    assert order.message == "selected_band is [0, 1, 3], but useful_bands names [2, 1, 3]: other bands"
    assert [d.message for d in diagnostics if d.rule == "band-name"] == [
        "band 2 of eo:bands is named green, not red",
        "band 1 of eo:bands is named blue, not green",
        "band 3 of eo:bands is named red, not nir",
    ]


def test_nothing_else_is_wrong(diagnostics: tuple[Diagnostic, ...]) -> None:
    assert {d.rule for d in diagnostics if d.severity == "error"} == {"id-unsafe", "geometry-ring", "wavelength-unit"}
    assert {d.rule for d in diagnostics if d.severity == "warning"} == {
        "value-ambiguous", "asset-temporary", "common-name", "docker-tag", "process-level", "band-count", "band-name",
        "band-order", "scaling-range", "class-offset",
    }  # fmt: skip
