"""The search that both fuzzers share: seeds and words are made at run time, what fails is kept beside this file.

Needs atheris (`pip install '.[fuzz]'`).
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["builder"]):
    from fuzz import targets

from builder.document import parse

_ODD: list[Any] = [
    None, True, 0, -1, 255, 1.5, 1e308, float("nan"), 2**63, 10**30, "", " ", "x", "10.1234/a\n", "2024-05-01\n",
    "9999-12-31T23:59:60Z", "a\u2028b", "\x1c", "😀", "\u202e", "../..", "javascript:x", "net.onnx", [], [[]], [None],
    [0, 0], ["x"], {}, {"": ""}, {"x:y": 1}, {"0": "a", "I_1": "b"}, [[0, 0], [1, 1], [0, 1]], "1.10", "NO", "12:30",
]  # fmt: skip


def run(target: Callable[[bytes], None], name: str, *, structured: bool) -> None:
    """Searches for bytes for which the target raises, until told to stop; `structured` also mutates parsed data."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    pool = list(targets.seeds())
    for number, seed in enumerate(pool):
        (folder / f"seed-{number}").write_bytes(seed)
    dictionary = folder.with_suffix(".dict")
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"' for word in targets.words())
    dictionary.write_text("\n".join(lines))
    found = targets.CORPUS / name
    found.mkdir(exist_ok=True)
    arguments = [
        f"-dict={dictionary}", f"-artifact_prefix={found}/", "-timeout=60", "-rss_limit_mb=2000", "-max_len=16384",
    ]  # fmt: skip
    known = [pair for pair in (_read(seed) for seed in pool) if pair is not None]

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311  a fuzzer is no secret
        read = _read(data) if structured and chance.random() < 0.6 else None
        if read is not None:
            for _ in range(chance.randint(1, 3)):
                _change(read, chance, known)
            changed = json.dumps(read, indent=chance.choice((None, 1)), ensure_ascii=chance.random() < 0.5)
            rest = data.split(targets.SEPARATOR.encode(), 1)[1:]
            if len(changed) < size:
                return targets.SEPARATOR.encode().join([changed.encode("utf-8", "replace"), *rest])[:size]
        made: bytes = atheris.Mutate(data, size)
        return made

    atheris.Setup([sys.argv[0], *arguments, *sys.argv[1:], str(folder)], target, custom_mutator=mutate)
    atheris.Fuzz()


def _read(data: bytes) -> Any:
    """The data of the first document in an input, where it is a mapping."""
    document, _ = parse("net.yml", data.split(targets.SEPARATOR.encode(), 1)[0].decode("utf-8-sig", "replace"))
    return document.data if document is not None and isinstance(document.data, dict) else None


def _change(data: Any, chance: random.Random, known: list[Any]) -> None:
    """One place of the data deleted, renamed, wrapped, doubled, or with another value."""
    places = _places(data)
    if not places:
        data.update(copy.deepcopy(chance.choice(known)))
        return
    node, step = chance.choice(places)
    kind = chance.randrange(7)
    if kind == 0:
        del node[step]
    elif kind == 1 and isinstance(node, dict):
        other, key = chance.choice(_places(chance.choice(known)))
        node[key if isinstance(key, str) else str(key)] = copy.deepcopy(other[key])
    elif kind == 2:
        node[step] = [node[step], copy.deepcopy(node[step])]
    elif kind == 3:
        other, key = chance.choice(_places(chance.choice(known)))
        node[step] = copy.deepcopy(other[key])
    elif kind == 4 and isinstance(node, list):
        node.insert(0, copy.deepcopy(node[step]))
    elif kind == 5 and isinstance(node[step], (int, float)):
        node[step] = -node[step] * chance.choice((1, 1000, 1e-3))
    else:
        node[step] = copy.deepcopy(chance.choice(_ODD))


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Every place in the data, as a container and the key or index in it."""
    places: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting and len(places) < 5000:
        node = waiting.pop()
        if isinstance(node, (dict, list)):
            steps = list(node) if isinstance(node, dict) else list(range(len(node)))
            places += [(node, step) for step in steps]
            waiting += [node[step] for step in steps]
    return places
