"""Stage 5, gather: what each version of a model changes of the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from builder.diff import SEVERITIES, Change, compare_facts

_PER_VERSION = frozenset({("version",), ("title",), ("created",), ("updated",), ("deprecated",), ("dlm:withdrawn",)})
"""Where every version differs from the one before it, or its standing is told elsewhere."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a version changes of one before it, which is called `before`: the gravest first."""

    before: str
    changes: tuple[Change, ...]


class Version(Protocol):
    """What is said of a version, such as a `Reference`."""

    @property
    def folder(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def version(self) -> str | None: ...


def to_history(
    versions: Mapping[str, Version], facts: Callable[[str], Mapping[str, Any]], older: Mapping[str, Iterable[str]]
) -> dict[str, tuple[Step, ...]]:
    """The steps to each version from those before it, all by the same keys; `facts` gives what the Item of one says."""
    return {
        key: tuple(
            Step(versions[s].version or versions[s].title, _changes(versions[key].folder, facts(s), facts(key)))
            for s in sorted(before)
        )
        for key, before in older.items()
    }


def _changes(folder: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    told = (change for change in compare_facts(folder, old, new) if change.path[:1] not in _PER_VERSION)
    return tuple(sorted(told, key=lambda change: SEVERITIES.index(change.severity)))
