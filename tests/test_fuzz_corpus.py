"""What the fuzzers began with, and what they found: see `fuzz/`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.targets import CORPUS, check_anything, read_anything, seeds, words

TARGETS = {"reader": read_anything, "checker": check_anything}
FOUND = sorted(path for name in TARGETS for path in (CORPUS / name).glob("*") if path.is_file())


@pytest.mark.parametrize("location", FOUND, ids=[path.relative_to(CORPUS).as_posix() for path in FOUND])
def test_what_failed_once_does_not_fail_again(location: Path) -> None:
    TARGETS[location.parent.name](location.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzers_begin_with_passes(name: str) -> None:
    texts = list(seeds())
    assert len(texts) > 100
    for text in texts:
        TARGETS[name](text)


def test_words_are_those_of_the_schemas() -> None:
    assert {"dlm:outputs: ", "scaling_factor: ", "semantic segmentation", "uint16"} <= set(words())
