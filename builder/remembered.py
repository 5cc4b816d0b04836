"""Stage 5, gather: entries that stand in little memory. Of a large catalog, the models are needed one after another;
what lists, indexes and other cards say of them, all at once. This is kept, and the model itself is packed."""

from __future__ import annotations

import copyreg
import pickle
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from builder import model
from builder.cache import digest_of_detail, from_detail, to_detail
from builder.catalog import Entry, Neighbours, Reference, to_member, to_published, to_reference, to_ties
from builder.exporters import models_json
from builder.feed import to_news
from builder.lists import Row, to_row
from builder.model import Model
from builder.search import Row as SearchRow
from builder.search import entry_record, entry_words, to_lean_row
from builder.source import LocalFile
from builder.spool import Away, Slice, Spool, TemporaryFolder, fetch, fetch_all
from builder.standing import entry_numbers

T = TypeVar("T")
KEPT: Mapping[Callable[[Entry], Any], Callable[..., Any] | None] = {
    to_reference: Reference,
    to_ties: None,
    to_member: None,
    to_published: None,
    to_row: Row,
    to_lean_row: SearchRow,
    entry_record: None,
    entry_words: None,
    models_json.to_record: None,
    entry_numbers: None,
    to_news: None,
}
"""The functions whose answers are kept, with the class of the answer where it is not made of JSON's own types."""
AT_HAND = frozenset({to_reference, to_ties, to_row, entry_numbers, to_news})
"""Those whose answers a build asks all models for, whatever has changed: they are short."""

Answers = Mapping[str, Any]
"""What the functions in KEPT say of an entry, by their names: as it is, or as JSON, which is put away where it is long.

JSON is what the cache keeps, too, so that whoever works an answer out writes it, and others hand it on.
"""
_SHORT = 600
"""Bytes up to which an answer stays in memory: what a line of a list says of a model, which is asked for often."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An entry on its way from a worker: its answers, their digests by the same names, and the entry, pickled and put
    away; without, where it will hardly be asked for."""

    source: str
    answers: Answers
    digests: Mapping[str, str]
    data: Away | None = None


class Remembered(Entry):
    """An entry of which the answers of the functions in KEPT are at hand; the rest is loaded when it is asked for.

    Only the entry that was loaded last stays, so go through a library from one entry to the next. `load` must be
    picklable where the entry is. `digests` are those of the answers that are known, by the names of the functions.
    """

    __slots__ = ("answers", "digests", "load")
    answers: Answers
    load: Callable[[], Entry]
    digests: Mapping[str, str]

    def __init__(self, source: str, answers: Answers, load: Callable[[], Entry], digests: Mapping[str, str]) -> None:
        for name, value in (("source", source), ("answers", answers), ("load", load), ("digests", digests)):
            object.__setattr__(self, name, value)

    def recall(self, function: Callable[[Entry], T]) -> T:
        """What a function says of this entry, from memory where it is there."""
        key = name_of(function)
        if key not in self.answers:
            return function(_load(self))
        answer: T = _unfold(key, self.answers[key])
        return answer

    def digest(self, function: Callable[[Entry], Any]) -> str:
        """The digest of the answer, where it is known without the answer."""
        return self.digests.get(name_of(function)) or super().digest(function)

    def forget(self, function: Callable[[Entry], Any]) -> None:
        """Takes the answer out of memory."""
        kept = {key: answer for key, answer in self.answers.items() if key != name_of(function)}
        object.__setattr__(self, "answers", kept)

    def __reduce__(self) -> tuple[Callable[..., Entry], tuple[Any, ...]]:
        """Pickled, it is the entry itself: whoever gets it wants the model."""
        return _call, (self.load,)

    def finished(self, neighbours: Neighbours) -> Remembered:
        """The entry with the links between versions in its Item; what is kept of it does not depend on them."""
        return Remembered(self.source, self.answers, lambda: self.load().finished(neighbours), self.digests)

    @property
    def model(self) -> Model:
        """The model, loaded."""
        return _load(self).model

    @property
    def item(self) -> Mapping[str, Any]:
        """The Item, loaded."""
        return _load(self).item

    @property
    def text(self) -> str:
        """The text of the model file, loaded."""
        return _load(self).text

    @property
    def files(self) -> Mapping[str, LocalFile]:
        """The local files, loaded."""
        return _load(self).files

    @property
    def folder(self) -> str:
        """The folder of the model in the site, from memory."""
        return self.recall(to_reference).folder

    @property
    def href(self) -> str:
        """The path of the Item in the site, from memory."""
        return f"{self.folder}/{self.recall(to_reference).id}.json"


def _call(load: Callable[[], Entry]) -> Entry:
    return load()


_local = threading.local()  # a pool pickles entries in a thread of its own


def _load(entry: Remembered) -> Entry:
    last: tuple[Remembered, Entry] | None = getattr(_local, "last", None)
    if last is None or last[0] is not entry:
        last = _local.last = entry, entry.load()
    return last[1]


def load_entry(entry: Entry) -> Entry:
    """The entry with its model in memory."""
    return entry.load() if isinstance(entry, Remembered) else entry


@cache
def name_of(function: Callable[..., Any]) -> str:
    """The name under which the answers of a function are kept."""
    return f"{function.__module__}.{function.__qualname__}"


_FORMS = {name_of(function): form for function, form in KEPT.items()}


def encode_answers(answers: Answers) -> Mapping[str, bytes]:
    """The answers as JSON."""
    away = {key: answer for key, answer in answers.items() if isinstance(answer, bytes | Slice)}
    return {
        **{key: to_detail(answer) for key, answer in answers.items() if key not in away},
        **dict(zip(away, fetch_all(away.values()), strict=True)),
    }


def decode_answers(plain: Answers) -> Answers:
    """The answers that JSON gave back, in their classes again."""
    return {key: decode_answer(key, answer) for key, answer in plain.items() if key in _FORMS}


def decode_answer(name: str, plain: Any) -> Any:
    """The answer of the function of this name, in its class again."""
    form = _FORMS[name]
    return plain if form is None else form(**plain)


def pack(entry: Entry, spool: Spool) -> Packed:
    """An entry with the answers of all functions in KEPT; what of it is long is put away."""
    answers: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for function in KEPT:
        name, answer = name_of(function), function(entry)
        data = to_detail(answer)
        digests[name] = digest_of_detail(data)
        if function is to_reference:
            answers[name] = answer  # asked for again and again
        else:
            answers[name] = data if len(data) <= _SHORT else spool.put(data)
    return Packed(entry.source, answers, digests, spool.put(pickle.dumps(entry, pickle.HIGHEST_PROTOCOL)))


def pack_reference(entry: Entry) -> Packed:
    """An entry of which only its place and standing will be asked for, as when models are checked."""
    return Packed(entry.source, {name_of(to_reference): to_reference(entry)}, {})


def _values_of(kind: type) -> Callable[[Any], tuple[type, tuple[Any, ...]]]:
    """Takes an object of a dataclass apart into what makes it again: dataclasses with slots do so field by field."""
    values = attrgetter(*(field.name for field in fields(kind)))
    return lambda one: (kind, values(one))


for _kind in (*vars(model).values(), *KEPT.values()):
    if isinstance(_kind, type) and is_dataclass(_kind):
        copyreg.pickle(_kind, _values_of(_kind))


def _unfold(name: str, value: Any) -> Any:
    """The answer of the function of this name: it is JSON where it is bytes, which no answer is."""
    return decode_answer(name, from_detail(fetch(value))) if isinstance(value, bytes | Slice) else value


@dataclass(frozen=True, slots=True)
class _Unpack:
    data: Away
    folder: TemporaryFolder | None
    """Stays as long as what lies in it may be asked for."""

    def __call__(self) -> Entry:
        entry: Entry = pickle.loads(fetch(self.data))  # noqa: S301  this build wrote it
        return entry

    def __reduce__(self) -> tuple[Any, ...]:
        return _Unpack, (self.data, None)


def remember(packed: Packed, load: Callable[[], Entry], folder: TemporaryFolder | None = None) -> Remembered:
    """The packed entry, to be used like any other; `load` gives the entry where it was not put away, in `folder`."""
    load = load if packed.data is None else _Unpack(packed.data, folder)
    return Remembered(packed.source, packed.answers, load, packed.digests)
