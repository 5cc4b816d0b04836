"""How many mistakes `build-catalog check` catches: each value of real model files is spoilt in every way, one by one.

    python benchmarks/mutation.py                   the files written by hand, and one of each collection
    python benchmarks/mutation.py --all             every file
    python benchmarks/mutation.py FILE …            these files
    python benchmarks/mutation.py --page            also writes the tables of docs/explanation/mutation.md

A mutation is caught when an error or a warning appears that the file does not have as it is; "noted" counts those that
only get a note. A traceback is never a good answer, so the exit code is 1 when there is one.
"""

from __future__ import annotations

import argparse
import copy
import posixpath
import re
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from builder.about import to_about  # noqa: E402  the checkout's own package
from builder.check import check_model  # noqa: E402
from builder.document import parse  # noqa: E402
from builder.source import Source, SourceFile, find_source, nearest_collection  # noqa: E402

DataPath = tuple[str | int, ...]
PAGE = ROOT / "docs" / "explanation" / "mutation.md"
KINDS = {
    "delete": "the key is removed",
    "empty": "the value is removed, the key stays",
    "rename": "two letters of the key are swapped",
    "duplicate": "the key is given twice",
    "retype": "text becomes a list, a number text, a list or mapping text",
    "negate": "a number gets the other sign, true becomes false",
    "scale": "a number is 1,000 times as large",
    "nudge": "a number is one more",
    "typo": "two letters of a text are swapped",
    "reverse": "a list of several is turned round",
    "drop": "the last of a list of several is left out",
    "repeat": "the last of a list stands twice",
}


@dataclass
class Tally:
    """What became of the mutations of some files."""

    files: int = 0
    caught: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    missed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tracebacks: list[str] = field(default_factory=list)

    def total(self, kind: str) -> int:
        """How many mutations of a kind there were."""
        return self.caught[kind] + self.noted[kind] + sum(self.missed[kind].values())

    @property
    def mutations(self) -> int:
        """How many mutations there were."""
        return sum(map(self.total, KINDS))

    @property
    def share(self) -> float:
        """The share of mutations that were caught."""
        return sum(self.caught.values()) / self.mutations


class _Twice(dict[str, Any]):
    """A mapping that is written with one of its keys twice."""

    key = ""


class _Dumper(yaml.SafeDumper):
    """Writes text in quotes wherever a reader might take it for something else."""


def _write_twice(dumper: _Dumper, data: _Twice) -> yaml.Node:
    pairs = [(dumper.represent_data(key), dumper.represent_data(value)) for key, value in data.items()]
    again = dumper.represent_data(data[data.key])
    return yaml.MappingNode("tag:yaml.org,2002:map", [*pairs, (dumper.represent_data(data.key), again)])


def _write_text(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(_Twice, _write_twice)
_Dumper.add_representer(str, _write_text)
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]


def write(data: Any) -> str:
    """The data as YAML."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)


def places(data: Any, path: DataPath = ()) -> Iterator[DataPath]:
    """The path of every value below the top, containers included."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in items:
        yield (*path, step)
        yield from places(value, (*path, step))


def swap(text: str) -> str | None:
    """The text with its first two different neighbouring letters swapped, from its middle on; None without any."""
    for index in [*range(len(text) // 2, len(text) - 1), *range(len(text) // 2)]:
        one, two = text[index : index + 2]
        if one != two and one.isalnum() and two.isalnum():
            return text[:index] + two + one + text[index + 2 :]
    return None


def mutations(data: dict[str, Any]) -> Iterator[tuple[str, DataPath, Any]]:
    """Every mutation of the data: its kind, the place, and the data as it is then."""
    for path in list(places(data)):
        for kind in KINDS:
            spoilt = copy.deepcopy(data)
            node: Any = spoilt
            parents = []
            for step in path[:-1]:
                parents.append((node, step))
                node = node[step]
            if not _mutate(kind, node, path[-1]):
                continue
            if kind == "duplicate":
                twice = _Twice(node)
                twice.key = str(path[-1])
                if parents:
                    parents[-1][0][parents[-1][1]] = twice
                else:
                    spoilt = twice
            yield kind, path, spoilt


def _mutate(kind: str, node: Any, step: str | int) -> bool:
    """Spoils one place; False where the kind does not apply there."""
    value = node[step]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    changed: Any = value
    if kind == "delete" and isinstance(step, str):
        del node[step]
        return True
    if kind == "rename" and isinstance(step, str):
        new = swap(step)
        if new is None or new in node:
            return False
        items = [(new if key == step else key, item) for key, item in node.items()]
        node.clear()
        node.update(items)
        return True
    if kind == "duplicate":
        return isinstance(step, str)
    if kind == "empty" and isinstance(step, str):
        changed = None
    elif kind == "retype":
        changed = (
            [value] if isinstance(value, str) else f"{value} or so" if not isinstance(value, (list, dict)) else "x"
        )
    elif kind == "negate":
        changed = not value if isinstance(value, bool) else -value if number else value
    elif kind == "scale" and number:
        changed = value * 1000
    elif kind == "nudge" and number:
        changed = value + 1
    elif kind == "typo" and isinstance(value, str):
        changed = swap(value) or value
    elif isinstance(value, list) and (len(value) > 1 or (kind == "repeat" and value)):
        changed = {"reverse": value[::-1], "drop": value[:-1], "repeat": [*value, copy.deepcopy(value[-1])]}.get(
            kind, value
        )
    if type(changed) is type(value) and changed == value:
        return False
    node[step] = changed
    return True


def name_of(path: DataPath) -> str:
    """The place without the numbers in it, and without the names of assets and sections."""
    steps = [str(step) if isinstance(step, str) else "[]" for step in path]
    if steps[0] == "assets" and len(steps) > 1:
        steps[1] = "*"
    return ".".join(steps).replace(".[]", "[]")


def run(source: Source, files: Iterable[SourceFile]) -> Tally:
    """What becomes of every mutation of the files, each checked by itself."""
    about, tally = to_about(source), Tally()
    for file in files:
        document, _ = parse(file.path, file.text)
        if document is None or not isinstance(document.data, dict):
            continue
        tally.files += 1
        collection = nearest_collection(file.path, source.collections)

        def found(
            text: str, file: SourceFile = file, collection: SourceFile | None = collection
        ) -> Counter[tuple[str, str, str]]:
            model = SourceFile(file.path, file.shown, text)
            checked = check_model(model, collection, source.files, about.grades)
            return Counter((d.severity, d.rule, re.sub(r"\d+", "", d.message)) for d in checked.diagnostics)

        before = found(write(document.data))
        for kind, path, data in mutations(document.data):
            try:
                new = found(write(data)) - before
            except Exception:
                tally.tracebacks.append(f"{file.path} {kind} {path}\n{traceback.format_exc()}")
                continue
            severities = {severity for severity, _, _ in new}
            if severities & {"error", "warning"}:
                tally.caught[kind] += 1
            elif "note" in severities:
                tally.noted[kind] += 1
            else:
                tally.missed[kind][name_of(path)] += 1
    return tally


def choose(source: Source, everything: bool, named: Iterable[str]) -> list[SourceFile]:
    """The files asked for; else those written by hand (the others come from TorchGeo), and one of each collection."""
    if everything:
        return list(source.models)
    wanted = [Path(name).resolve() for name in named]
    if wanted:
        return [file for file in source.models if (source.root / file.path) in wanted]
    first: dict[str, SourceFile] = {}
    for file in source.models:
        first.setdefault(posixpath.dirname(file.path), file)
    return [file for file in source.models if file in first.values() or "torchgeo" not in file.text.lower()]


# --- tables ----------------------------------------------------------------------------------------------------------


def by_kind(tally: Tally) -> str:
    """The table of the kinds."""
    rows = ["| Mutation | What it does | Made | Caught | Noted | Missed |", "| --- | --- | --- | --- | --- | --- |"]
    for kind, text in KINDS.items():
        missed = sum(tally.missed[kind].values())
        share = f"{tally.caught[kind]:,} ({tally.caught[kind] / max(tally.total(kind), 1):.0%})"
        rows.append(f"| {kind} | {text} | {tally.total(kind):,} | {share} | {tally.noted[kind]:,} | {missed:,} |")
    noted, caught = sum(tally.noted.values()), sum(tally.caught.values())
    missed = tally.mutations - caught - noted
    rows.append(f"| all | | {tally.mutations:,} | {caught:,} ({tally.share:.1%}) | {noted:,} | {missed:,} |")
    return "\n".join(rows)


def by_key(tally: Tally, most: int = 6) -> str:
    """The table of the keys whose mutations were missed, by kind, the most frequent first."""
    rows = ["| Mutation | Missed most often at |", "| --- | --- |"]
    for kind in KINDS:
        if tally.missed[kind]:
            named = [f"`{name}` ({number})" for name, number in tally.missed[kind].most_common(most)]
            more = len(tally.missed[kind]) - most
            rows.append(f"| {kind} | {', '.join(named)}{f' and {more} others' if more > 0 else ''} |")
    return "\n".join(rows)


def put(page: str, tables: Mapping[str, str]) -> str:
    """The page with the tables between their marks."""
    for name, table in tables.items():
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda m, t=table: f"{m[1]}\n{t}\n\n{m[2]}",
            page,
            flags=re.DOTALL,
        )  # type: ignore[misc]
    return page


def main() -> int:
    """Runs, prints the tables, and writes them into the page where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--all", action="store_true", help="every file of catalog_src")
    parser.add_argument("--page", action="store_true", help="write the tables into the page of the documentation")
    parser.add_argument("--every-key", action="store_true", help="list every missed key, not only the most frequent")
    arguments = parser.parse_args()
    source = find_source(ROOT / "catalog_src")
    started = time.monotonic()
    tally = run(source, choose(source, arguments.all, arguments.files))
    summary = (
        f"{tally.mutations:,} mutations of {tally.files} files: {tally.share:.1%} caught, "
        f"{len(tally.tracebacks)} tracebacks."
    )
    kept = [kind for kind in KINDS if kind not in ("delete", "empty")]
    share = sum(tally.caught[kind] for kind in kept) / max(sum(map(tally.total, kept)), 1)
    tables = {
        "summary": summary, "kinds": by_kind(tally), "keys": by_key(tally, 10**6 if arguments.every_key else 6),
        "without": f"{share:.1%}.",
    }  # fmt: skip
    took = f"Without delete and empty: {share:.1%}. ({time.monotonic() - started:.0f} s)"
    sys.stdout.write(f"{tables['kinds']}\n\n{tables['keys']}\n\n{summary} {took}\n")
    sys.stdout.write("".join(f"\n{text}" for text in tally.tracebacks[:5]))
    if arguments.page:
        PAGE.write_text(put(PAGE.read_text("utf-8"), tables), "utf-8")
    return 1 if tally.tracebacks else 0


if __name__ == "__main__":
    sys.exit(main())
