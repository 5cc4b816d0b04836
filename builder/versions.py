"""Stage 5, gather: what each version of a model changes of the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from builder.diff import SEVERITIES, Change, compare_facts

_PER_VERSION = frozenset({("version",), ("title",), ("created",), ("updated",), ("deprecated",), ("dlm:withdrawn",)})
"""Where every version differs from the one before it, or its standing is told elsewhere."""


Changes = Sequence[Change]
"""What a version changes of another one, the gravest first."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a version changes of one before it, which is called `before`: the gravest first."""

    before: str
    changes: Changes


class Version(Protocol):
    """What is said of a version, such as a `Reference`."""

    @property
    def folder(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def version(self) -> str | None: ...


def to_history(
    versions: Mapping[str, Version], older: Mapping[str, Iterable[str]], changes: Mapping[tuple[str, str], Changes]
) -> dict[str, tuple[Step, ...]]:
    """The steps to each version from those before it, all by the same keys; `changes` by the older and the newer."""
    return {
        key: tuple(Step(versions[s].version or versions[s].title, changes[s, key]) for s in sorted(before))
        for key, before in older.items()
    }


def compare_versions(folder: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    """What a version, which is published in `folder`, changes of an older one, by what the Items of both say."""
    told = (change for change in compare_facts(folder, old, new) if change.path[:1] not in _PER_VERSION)
    return tuple(sorted(told, key=lambda change: SEVERITIES.index(change.severity)))
