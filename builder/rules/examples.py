"""What a rule finds and what it lets pass: the cases that the tests hold the rules against, as examples for readers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

# In a wheel beside this package, in a checkout among the tests.
_PLACES = (Path(__file__).parents[1] / "_rule_cases", Path(__file__).parents[2] / "tests" / "rules")
_EXPECT = re.compile(r"[ \t]*#[ \t]*expect:.*")
_SHORT = 20
"""Lines of a case that is shown whole."""
_AROUND = 3
"""Lines shown before and after a marked one where the case is longer."""


def example(rule: str, kind: Literal["bad", "good"]) -> str | None:
    """The relevant lines of a rule's case as YAML; None where there is no case."""
    cases = next((place / rule for place in _PLACES if (place / rule).is_dir()), None)
    bad = None if cases is None else _marked_file(cases)
    if cases is None or bad is None:
        return None
    marked = [number for number, line in enumerate(_lines(bad)) if _EXPECT.search(line)]
    inside = bad.relative_to(cases).parts[1:]
    file = bad if kind == "bad" else (cases / "good").joinpath(*inside) if inside else cases / "good.yml"
    if not file.is_file():
        return None
    lines = [_EXPECT.sub("", line) for line in _lines(file)]
    name = [f"# {'/'.join(inside)}"] if inside else []
    return "\n".join(name + (lines if len(lines) <= _SHORT else _window(lines, marked))) + "\n"


def _marked_file(cases: Path) -> Path | None:
    files = [path for path in sorted(cases.rglob("*")) if path.is_file() and path.relative_to(cases).parts[0] != "good"]
    return next((path for path in files if path.stem != "good" and any(map(_EXPECT.search, _lines(path)))), None)


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8", "replace").splitlines()


def _window(lines: list[str], marked: list[int]) -> list[str]:
    shown = [n for n in range(len(lines)) if any(abs(n - number) <= _AROUND for number in marked)]
    result: list[str] = []
    for before, number in zip([-1, *shown], shown, strict=False):
        if number > before + 1:
            result.append("# …")
        result.append(lines[number])
    return result + (["# …"] if shown and shown[-1] < len(lines) - 1 else [])
