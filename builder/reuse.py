"""What of an earlier build can stay: the outcomes of model files, and files of the site, by what they were made of.

A key is a digest of everything that a result depends on, named part by part in `Key`, so that a build can say why it
made something again. The bytes of the site are not kept a second time: what a build wrote is looked for in the site.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from builder.across import Outcome
from builder.cache import Cache, digest_of, to_detail
from builder.catalog import Compare, Entry, Neighbours, to_published
from builder.held import Stamp, States, find_held
from builder.output import Artifact, Kept, Part, Unchanged
from builder.program import describe_extras, describe_program
from builder.recalled import KnownChanges, decode, decode_changes, encode, encode_changes
from builder.remembered import Remembered
from builder.source import Source, SourceFile, nearest_collection, to_stamps
from builder.versions import Changes
from builder.words import current

if TYPE_CHECKING:
    from builder.output import Published

Key = dict[str, str]
"""What a result depends on: digests by name."""
WHY = {
    "program": "the program changed",
    "settings": "titles, rules or the address of the catalog changed",
    "collection": "its collection file changed",
    "file": "the file changed",
    "local": "a file beside it changed",
    "neighbours": "another version of it changed",
    "frame": "what all pages show changed",
    "templates": "the templates changed",
    "statistics": "the figures that models are compared by changed",
    "site": "its files in the site were changed or removed",
    "new": "it is new",
}
"""Why a model is made again, by the part of its key that is another than in the build before."""
_OF_READING = ("program", "settings", "collection", "file", "local")
"""The parts of a key that what is read of a model depends on."""


class Past:
    """The earlier builds of one source folder into one site, and what this build adds to them."""

    def __init__(self, cache: Cache, source: FilePath, site: FilePath, *, thorough: bool) -> None:
        self._cache = cache
        self._source, self._site = f"source {source.resolve()}", f"site {site.resolve()}"
        self._site_cards, self._site_keys = f"cards {self._site}", f"keys {self._site}"
        self.thorough = thorough
        self._program = digest_of(describe_program(), describe_extras())
        self._known = cache.get_stamps(self._source)
        self._states = cache.get_states(self._site)
        self.held = find_held(site, self._states)
        self._values: dict[str, Any] = {}
        self._keys: dict[str, Key] = {}
        self._again: dict[str, str] = {}
        # By the path of the model file: the digest of the card's key, and how many files were made of the model.
        self._cards: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._before: Mapping[str, tuple[str, int]] = {}  # both of these, as the build before had them

    # --- the source --------------------------------------------------------------------------------------------------

    @property
    def known(self) -> Mapping[str, Stamp]:
        """The stamps of the files of the source folder."""
        return self._known

    def recall_outcomes(
        self, source: Source, settings: object, load: Callable[[SourceFile], Callable[[], Entry]]
    ) -> dict[str, Outcome]:
        """The outcomes of the model files that are what they were, by path; their entries are loaded with `load`.

        `settings` are what reading depends on besides the file and its collection file.
        """
        above = digest_of(settings)
        collections = {key: digest_of(file.shown, file.sha256) for key, file in source.collections.items()}
        for file in source.models:
            nearest = nearest_collection(file.path, source.collections)
            key = {
                "program": self._program,
                "settings": above,
                "collection": collections[nearest.path.rpartition("/")[0]] if nearest else "",
                "file": digest_of(file.path, file.shown, file.sha256),
            }
            self._keys[file.path] = key
        named = {path: f"outcome {digest_of(key)}" for path, key in self._keys.items()}
        values = self._cache.get(named.values())
        outcomes = {}
        for file in source.models:
            value = values.get(named[file.path])
            if value is None:
                self._again[file.path] = "read"
            elif not _are_same(value["used"], source):
                self._again[file.path] = "local"
            else:
                outcomes[file.path] = decode(value, file, load(file), partial(self._cache.get_detail, named[file.path]))
                self._keys[file.path]["local"] = digest_of(value["used"])
        return outcomes

    def note_outcomes(self, source: Source, outcomes: Iterable[Outcome]) -> None:
        """Keeps the outcomes of models that passed; the others are read again."""
        values = []
        for outcome in outcomes:
            if isinstance(outcome.entry, Remembered):
                used = {path: source.files[path].sha256 for path in sorted(outcome.used)}
                key = self._keys[outcome.file.path]
                values.append((f"outcome {digest_of(key)}", *encode(outcome, used)))
                key["local"] = digest_of(used)
        self._cache.put_all(values)

    def recall_changes(self, pairs: Sequence[tuple[Entry, Entry]], compare: Compare) -> Iterator[Changes]:
        """What the second entry of each pair changes of the first, which need not be compared again."""
        about = digest_of(self._program, current().language)
        named = [
            f"changes {digest_of(about, new.folder, *(entry.digest(to_published) for entry in (old, new)))}"
            for old, new in pairs
        ]
        known = self._cache.find(dict.fromkeys(named))
        for (old, new), name in zip(pairs, named, strict=True):
            if name in known:
                yield KnownChanges(name, partial(self._load_changes, name, old, new, compare))
            else:
                changes = compare(old, new)
                self._values[name] = encode_changes(changes)
                yield KnownChanges(name, partial(_same, changes))

    def _load_changes(self, name: str, old: Entry, new: Entry, compare: Compare) -> Changes:
        kept = self._cache.get([name]).get(name)
        return compare(old, new) if kept is None else decode_changes(kept)

    # --- the site ----------------------------------------------------------------------------------------------------

    def recall_cards(
        self, pairs: Sequence[tuple[Entry, Neighbours]], shown: Callable[[Entry], Mapping[str, str]]
    ) -> tuple[Unchanged, list[tuple[Entry, Neighbours]]]:
        """The files of the models whose cards can stay, and the models that must be rendered.

        `shown` gives what a card shows besides its model and the neighbours: digests, by the names in WHY.
        """
        digest = _digest_neighbours()
        for entry, neighbours in pairs:
            self._keys[entry.source] |= {"neighbours": digest(neighbours), **shown(entry)}
            self._cards[entry.source] = digest_of(self._keys[entry.source])
        files, rest = self._find_unchanged([entry for entry, _ in pairs]), []
        asked = {entry.source: f"card {self._cards[entry.source]}" for entry, _ in pairs}
        values = self._cache.get(asked[source] for source in asked if source not in self._counts)
        for entry, neighbours in pairs:
            if entry.source in self._counts:
                continue
            found = values.get(asked[entry.source])
            if found is not None and self._holds(found):
                files.update(found)
                self._counts[entry.source] = len(found)
            else:
                self._again.setdefault(entry.source, "site" if found is not None else "rendered")
                rest.append((entry, neighbours))
        return Unchanged(files), rest

    def _find_unchanged(self, entries: Iterable[Entry]) -> dict[str, str]:
        """The files of the models whose cards the build before made of the same: without a look at each of them, where
        the manifest is still the one that it wrote. The models are those whose files are counted then."""
        known = self._cache.get([self._site_cards]).get(self._site_cards)
        if known is None:
            return {}
        self._before = known["cards"]
        if known["manifest"] != self.held.states.digest:
            return {}
        paths = self.held.states.paths
        inside, touched = [*map(_folder, paths)], set(map(_folder, self.held.touched))
        counts = Counter(inside)
        folders = set()
        for entry in entries:
            card, count = self._before.get(entry.source, ("", 0))
            # With other files in its folder, the manifest alone does not tell which are those of the model.
            if card == self._cards[entry.source] and count == counts[entry.folder] and entry.folder not in touched:
                self._counts[entry.source] = count
                folders.add(entry.folder)
        stated = self.held.stated
        return {path: stated[path] for path, folder in zip(paths, inside, strict=True) if folder in folders}

    def note_cards(self, pairs: Iterable[tuple[Entry, Neighbours]], artifacts: Iterable[Artifact]) -> None:
        """Keeps which files were made for some models."""
        files: dict[str, list[tuple[str, str]]] = {}
        for artifact in artifacts:
            files.setdefault(_folder(artifact.path), []).append((artifact.path, artifact.sha256))
        for entry, _ in pairs:
            self._values[f"card {self._cards[entry.source]}"] = files[entry.folder]
            self._counts[entry.source] = len(files[entry.folder])

    def make(self, part: Part) -> Iterator[Artifact]:
        """The files of a part, from the site where they were made of the same."""
        every = self.all_models if self.thorough else ""
        name = f"part {digest_of(self._program, self._site, part.name, every)}"
        key, known = digest_of(part.inputs), self._cache.get([name]).get(name)
        if known is not None and known["key"] == key and self._holds(known["files"]):
            yield from (Artifact(path, Kept(digest)) for path, digest in known["files"])
            return
        files = []
        for artifact in part.make():
            files.append((artifact.path, artifact.sha256))
            yield artifact
        self._values[name] = {"key": key, "files": files}

    @cached_property
    def all_models(self) -> str:
        """A digest of everything that the models and their files say."""
        return digest_of([(path, [key.get(name) for name in _OF_READING]) for path, key in sorted(self._keys.items())])

    def _holds(self, files: Iterable[tuple[str, str]]) -> bool:
        return all(self.held.get(path) == digest for path, digest in files)

    # --- the whole build ---------------------------------------------------------------------------------------------

    def recall_build(self, source: Source, settings: object) -> dict[str, Any] | None:
        """What a build noted that had the same source and settings and made the site that stands there."""
        files = [*source.models, *source.collections.values(), *([source.catalog] if source.catalog else ())]
        told = sorted((file.path, file.shown, file.sha256) for file in files)
        others = sorted((path, local.sha256) for path, local in source.files.items())
        self._build = f"build {digest_of(self._program, self._site, settings)}"
        self._inputs = digest_of(told, others, [str(d) for d in source.diagnostics])
        value: dict[str, Any] | None = self._cache.get([self._build]).get(self._build)
        if value is None or self.held.touched or value["inputs"] != self._inputs:
            return None
        return value if value["manifest"] == self.held.states.digest else None

    def note_build(self, source: Source, published: Published, about: Mapping[str, Any]) -> None:
        """Keeps everything that was noted, and the stamps of the files as they are now."""
        self._values[self._build] = {
            "inputs": self._inputs, "manifest": published.states.digest, **about,
        }  # fmt: skip
        cards = {path: (card, self._counts[path]) for path, card in self._cards.items()}
        self._values[self._site_cards] = {"manifest": published.states.digest, "cards": cards}
        self.save(source, published.states)

    def save(self, source: Source, states: States) -> None:
        """Keeps what was noted so far, and the states of the files of the site."""
        digests = {file.path: file.sha256 for file in source.models}
        digests |= {path: local.sha256 for path, local in source.files.items() if "sha256" in vars(local)}
        now = to_stamps(source, digests)
        if now != self._known:
            self._cache.put_stamps(self._source, now)
        if self.held.read or replace(states, settled=self._states.settled) != self._states:
            self._cache.put_states(self._site, states)
        if self._values:
            keys = {path: to_detail(key) for path, key in self._keys.items() if self._is_other(path)}
            self._cache.put_all(
                [*((key, value, {}) for key, value in self._values.items()), (self._site_keys, 0, keys)]
            )
            self._cache.prune()
            self._values = {}

    def explain(self) -> dict[str, str]:
        """Why models were made again, by the path of their file. To be asked before `save`."""
        return {
            path: self._explain(
                self._cache.get_detail(self._site_keys, path) if path in self._before else None, self._keys[path], why
            )
            for path, why in sorted(self._again.items())
        }

    def _is_other(self, path: str) -> bool:
        """Whether the key of a card is another than in the build before."""
        return path not in self._before or self._before[path][0] != self._cards.get(path)

    def _explain(self, before: Key | None, now: Key, why: str) -> str:
        if before is None:
            return WHY["new"]
        changed = [words for name, words in WHY.items() if name in now and before.get(name) != now[name]]
        return "; ".join(changed) or WHY.get(why, WHY["site"])


def _digest_neighbours() -> Callable[[Neighbours], str]:
    """Gives a digest of the neighbours of a model."""
    steps: dict[int, str] = {}  # the versions of a line share them
    none = digest_of(Neighbours(), [])

    def digest(neighbours: Neighbours) -> str:
        if not neighbours.versions and neighbours.replacement is None:
            return none  # as nearly all
        for step in neighbours.history.values():
            if id(step) not in steps:
                steps[id(step)] = digest_of(step)
        history = [(folder, steps[id(step)]) for folder, step in neighbours.history.items()]
        return digest_of(replace(neighbours, history={}), history)

    return digest


def _folder(path: str) -> str:
    """The folder of the model that a path may be in: its first two parts; empty where it has no more."""
    return path[: max(path.find("/", path.find("/") + 1), 0)]


def _same(changes: Changes) -> Changes:
    return changes


def _are_same(used: Mapping[str, str], source: Source) -> bool:
    return all(path in source.files and source.files[path].sha256 == digest for path, digest in used.items())
