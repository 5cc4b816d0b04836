"""What is kept of a build, as plain values and back: findings, outcomes of model files, and entries whose answers are
fetched when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any, TypeVar

from builder.across import Outcome
from builder.cache import quote_detail
from builder.catalog import Entry, Neighbours
from builder.diagnostic import Diagnostic, Edit, Span
from builder.diff import Change
from builder.remembered import AT_HAND, Remembered, decode_answer, decode_answers, encode_answers, name_of
from builder.source import SourceFile
from builder.versions import Changes
from builder.waiver import Waiver

T = TypeVar("T")
_AT_HAND = frozenset(map(name_of, AT_HAND))


class KnownChanges(Changes):
    """Changes that are loaded when they are asked for. Where only a difference counts, as text, `name` stands for
    them, which others do not have."""

    def __init__(self, name: str, load: Callable[[], Changes]) -> None:
        self._name, self._load = name, load

    @cached_property
    def _changes(self) -> Changes:
        return self._load()

    def __getitem__(self, index: Any) -> Any:
        return self._changes[index]

    def __len__(self) -> int:
        return len(self._changes)

    def __str__(self) -> str:
        """The name."""
        return self._name

    def __reduce__(self) -> tuple[Any, ...]:
        """Elsewhere they are loaded."""
        return tuple, (tuple(self._changes),)


class Recalled(Remembered):
    """An entry whose longer answers are fetched when they are asked for.

    `fetch` gives the answer of a function by its name, as plain values, or None where it is not there any more.
    """

    __slots__ = ("fetch",)
    fetch: Callable[[str], Any]

    def __init__(self, entry: Remembered, fetch: Callable[[str], Any]) -> None:
        super().__init__(entry.source, entry.answers, entry.load, entry.digests)
        object.__setattr__(self, "fetch", fetch)

    def recall(self, function: Callable[[Entry], T]) -> T:
        """What a function says of this entry, fetched where it is not in memory."""
        name = name_of(function)
        if name not in self.answers and name in self.digests and (plain := self.fetch(name)) is not None:
            answer: T = decode_answer(name, plain)
            return answer
        return super().recall(function)

    def finished(self, neighbours: Neighbours) -> Recalled:
        """The entry with the links between versions in its Item."""
        return Recalled(super().finished(neighbours), self.fetch)


def encode(outcome: Outcome, used: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """An outcome whose entry is remembered, as values that orjson takes, and its longer answers as JSON; `used` are the
    digests of its local files by path."""
    assert isinstance(outcome.entry, Remembered)  # noqa: S101  the only ones that are noted
    answers = encode_answers(outcome.entry.answers)
    value = {
        "diagnostics": encode_diagnostics(outcome.diagnostics),
        "versions": outcome.versions,
        "used": used,
        "waived": [asdict(waiver) for waiver in sorted(outcome.waived, key=lambda waiver: waiver.span)],
        "answers": {name: quote_detail(answer) for name, answer in answers.items() if name in _AT_HAND},
        "digests": outcome.entry.digests,
    }
    return value, {name: answer for name, answer in answers.items() if name not in _AT_HAND}


def decode(
    value: Mapping[str, Any], file: SourceFile, load: Callable[[], Entry], fetch: Callable[[str], Any]
) -> Outcome:
    """The outcome that was encoded; `fetch` gives longer answers."""
    return Outcome(
        file,
        Recalled(Remembered(file.path, decode_answers(value["answers"]), load, value["digests"]), fetch),
        decode_diagnostics(value["diagnostics"]),
        tuple((target, tuple(path)) for target, path in value["versions"]),
        frozenset(value["used"]),
        frozenset(Waiver(**{**waiver, "span": Span(**waiver["span"])}) for waiver in value["waived"]),
    )


def encode_diagnostics(diagnostics: Iterable[Diagnostic]) -> list[list[Any]]:
    """The diagnostics as plain values."""
    return [
        [d.rule, d.severity, d.message, _encode_span(d.span), d.hint]
        + ([[[_encode_span(span), text] for span, text in d.related], [asdict(e) for e in d.edits]]
           if d.related or d.edits else [])
        for d in diagnostics
    ]  # fmt: skip


def decode_diagnostics(values: Iterable[Sequence[Any]]) -> tuple[Diagnostic, ...]:
    """The diagnostics that were encoded."""
    return tuple(
        Diagnostic(rule, severity, message, Span(*span), hint)
        if not more
        else Diagnostic(
            rule, severity, message, Span(*span), hint, tuple((Span(*where), text) for where, text in more[0]),
            tuple(Edit(**edit) for edit in more[1]),
        )
        for rule, severity, message, span, hint, *more in values
    )  # fmt: skip


def _encode_span(span: Span) -> list[Any]:
    return [span.file, span.line, span.column, span.end_line, span.end_column, span.source_line]


def encode_changes(changes: Changes) -> list[dict[str, Any]]:
    """Changes between versions as plain values."""
    return [asdict(change) for change in changes]


def decode_changes(values: Iterable[Mapping[str, Any]]) -> Changes:
    """The changes that were encoded."""
    return [Change(**{**value, "path": tuple(value["path"])}) for value in values]
