"""What earlier builds found out, by the content it was made of: a small database beside the source folder.

Nothing here is needed: a cache that is missing, damaged, locked or on a full disk is an empty one. Two builds may use
it at the same time; what one writes, it writes in one transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path as FilePath
from typing import Any

import orjson

from builder.held import Stamp, States

FOLDER = ".dlm-catalog-cache"
"""Name of the folder, beside the source folder."""
MAX_BYTES = 1_000_000_000
"""Size from which the values that were not used for the longest time are removed, but for those of one build."""
MOST_BUILDS = 50
"""Builds after which a value that none of them used is removed."""
_FORMAT = 2
_SERIALIZED = 3
"""The `sqlite3.threadsafety` with which threads may share a connection."""
_SOON = 10
"""Builds in which the note of when a value was used is good enough."""
_TAG = """Signature: 8a477f597d28d172789f06886806bc55
# A cache of dlm-catalog, which makes it again when it is missing. See https://bford.info/cachedir/
"""
# A time that is not older than this may be that of two different contents: some file systems count in whole seconds.
_SETTLED = 2_000_000_000


def digest_of(*values: Any) -> str:
    """A digest of values that JSON can hold, and of dataclasses of them."""
    data = orjson.dumps(values, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return digest_of_detail(data)


def to_detail(value: Any) -> bytes:
    """A value as `Cache.put_all` takes it for a detail: such as JSON can hold, and dataclasses of them."""
    return orjson.dumps(value)


def from_detail(data: bytes) -> Any:
    """The value of a detail."""
    return orjson.loads(data)


def quote_detail(data: bytes) -> Any:
    """A detail as a part of a value for `Cache.put_all`."""
    return orjson.Fragment(data)


def digest_of_detail(data: bytes) -> str:
    """A digest of a detail."""
    return hashlib.sha256(data).hexdigest()[:32]


class Cache:
    """Values by key. Make it with `open_cache`."""

    def __init__(self, database: sqlite3.Connection, build: int) -> None:
        self._database = database
        self._build = build
        self._late: list[str] = []
        self._current: set[str] = set()  # the keys of this build

    def get(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values of those keys that have one."""
        found: dict[str, bytes] = {}
        with suppress(sqlite3.Error):
            for key in keys:
                row = self._database.execute("SELECT value, used FROM value WHERE key = ?", (key,)).fetchone()
                if row is not None and (data := _checked(row[0])) is not None:
                    found[key] = data
                    self._note_use(key, row[1])
        try:
            # One text is read in a fraction of the time of many.
            return dict(zip(found, orjson.loads(b"[" + b",".join(found.values()) + b"]"), strict=True))
        except ValueError:
            return {}

    def find(self, keys: Iterable[str]) -> set[str]:
        """Those keys that have a value."""
        found = set()
        with suppress(sqlite3.Error):
            for key in keys:
                row = self._database.execute("SELECT used FROM value WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found.add(key)
                    self._note_use(key, row[0])
        return found

    def _note_use(self, key: str, before: int) -> None:
        """Notes that this build uses a value, which one used `before`."""
        self._current.add(key)
        if before < self._build - _SOON:
            self._late.append(key)

    def get_detail(self, key: str, name: str) -> Any:
        """A detail of the value of a key; None where it is not there."""
        with suppress(sqlite3.Error, ValueError):
            row = self._database.execute("SELECT value FROM detail WHERE key = ? AND name = ?", (key, name)).fetchone()
            if row is not None and (data := _checked(row[0])) is not None:
                return from_detail(data)
        return None

    def put(self, values: Mapping[str, Any]) -> None:
        """Keeps the values, in one transaction."""
        self.put_all((key, value, {}) for key, value in values.items())

    def put_all(self, values: Iterable[tuple[str, Any, Mapping[str, bytes]]]) -> None:
        """The same, each value with its details, which are got one by one: they are JSON, by name."""
        with suppress(sqlite3.Error), self._database:
            for key, value, details in values:
                self._current.add(key)
                row = key, _sealed(orjson.dumps(value)), self._build
                self._database.execute("INSERT OR REPLACE INTO value VALUES (?, ?, ?)", row)
                rows = [(key, name, _sealed(data)) for name, data in details.items()]
                self._database.executemany("INSERT OR REPLACE INTO detail VALUES (?, ?, ?)", rows)
            late = [(self._build, key) for key in self._late]
            self._database.executemany("UPDATE value SET used = ? WHERE key = ?", late)
            self._late.clear()

    def get_stamps(self, of: str) -> dict[str, Stamp]:
        """The stamps of the files of a folder, as far as they tell one content from another."""
        kept = self.get([of]).get(of) or {"now": 0, "stamps": {}}
        settled = kept["now"] - _SETTLED
        return {path: (size, at, digest) for path, (size, at, digest) in kept["stamps"].items() if at < settled}

    def put_stamps(self, of: str, stamps: Mapping[str, Stamp]) -> None:
        """Keeps the stamps of the files of a folder."""
        self.put({of: {"now": time.time_ns(), "stamps": stamps}})

    def get_states(self, of: str) -> States:
        """The states of the files of a site."""
        kept = self.get([of]).get(of)
        if kept is None:
            return States()
        return States(**{**kept["states"], "settled": kept["now"] - _SETTLED})

    def put_states(self, of: str, states: States) -> None:
        """Keeps the states of the files of a site."""
        self.put({of: {"now": time.time_ns(), "states": states}})

    def prune(self) -> None:
        """Removes what has not been used for long, and more when it is too much; nothing that this build used."""
        with suppress(sqlite3.Error), self._database:
            self._database.execute("DELETE FROM value WHERE used < ?", (self._build - MOST_BUILDS,))
            if (size := self._size()) > MAX_BYTES:
                for (key,) in self._database.execute("SELECT key FROM value ORDER BY used").fetchall():
                    if key in self._current:
                        continue
                    self._database.execute("DELETE FROM value WHERE key = ?", (key,))
                    if self._size() < size / 2:
                        break
        with suppress(sqlite3.Error):
            # As a script, because `execute` stops after the first page.
            self._database.executescript("PRAGMA incremental_vacuum")

    def _size(self) -> int:
        """The bytes that are taken."""
        names = "page_count", "freelist_count", "page_size"
        pages, free, size = (self._database.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        return int((pages - free) * size)


def _sealed(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big") + data


def _checked(value: object) -> bytes | None:
    """The data of a stored value; None when it is not what was stored."""
    if not isinstance(value, bytes) or value[:4] != zlib.crc32(value[4:]).to_bytes(4, "big"):
        return None
    return value[4:]


@contextmanager
def open_cache(folder: FilePath) -> Iterator[Cache | None]:
    """The cache in a folder, which is made; None where that is not possible."""
    file = folder / "values.sqlite"
    database = None
    with suppress(OSError, sqlite3.Error):
        _make_folder(folder)
        database = _connect(file)
    if database is None:
        with suppress(OSError, sqlite3.Error):
            # What cannot be read is of no use to anyone.
            file.unlink()
            database = _connect(file)
    if database is None:
        yield None
        return
    try:
        build = database.execute("SELECT value FROM about WHERE key = 'builds'").fetchone()[0]
        yield Cache(database, build)
    finally:
        database.close()


def _make_folder(folder: FilePath) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in (("CACHEDIR.TAG", _TAG), (".gitignore", "*\n")):
        if not (folder / name).exists():
            (folder / name).write_text(text, "utf-8")


def _connect(file: FilePath) -> sqlite3.Connection:
    """The database, one build older. Raises sqlite3.Error when it is none, or one of another format."""
    # A pool pickles what it hands out in a thread of its own, which may have to ask.
    database = sqlite3.connect(file, timeout=10, check_same_thread=sqlite3.threadsafety < _SERIALIZED)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _FORMAT):
            raise sqlite3.DatabaseError(f"format {version}")
        # Values are long: with the usual 4 kB, keeping them takes 1.4 times as long.
        database.execute("PRAGMA page_size = 16384")
        # A crash may lose the last build's values, and never damages what was there.
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        with database:
            database.execute("CREATE TABLE IF NOT EXISTS value (key TEXT PRIMARY KEY, value BLOB, used INT)")
            database.execute(
                "CREATE TABLE IF NOT EXISTS detail (key TEXT, name TEXT, value BLOB, PRIMARY KEY (key, name))"
            )
            database.execute(
                "CREATE TRIGGER IF NOT EXISTS gone AFTER DELETE ON value "
                "BEGIN DELETE FROM detail WHERE key = old.key; END"
            )
            database.execute("CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value INT)")
            database.execute("INSERT INTO about VALUES ('builds', 1) ON CONFLICT DO UPDATE SET value = value + 1")
            database.execute(f"PRAGMA user_version = {_FORMAT}")
    except sqlite3.Error:
        database.close()
        raise
    return database
