"""What waits outside memory: it reads back as it was, and its folder goes with the last who may ask for it."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
from pathlib import Path

import pytest
from shared import ROOT

from builder.catalog import Entry
from builder.pipeline import Settings, build
from builder.remembered import pack, remember
from builder.spool import Away, Slice, Spool, TemporaryFolder, fetch, fetch_all

TEXTS = [b"\x80a", b"\x80" + b"b" * 5000, b"\x80c"]


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_put_away_reads_back_as_it_was(in_memory: bool, tmp_path: Path) -> None:
    with Spool(None if in_memory else str(tmp_path)) as spool:
        away = [spool.put(text) for text in TEXTS]
    assert [fetch(pickle.loads(pickle.dumps(one))) for one in away] == TEXTS  # noqa: S301  made here
    assert all(isinstance(one, Slice) != in_memory for one in away)


def test_the_batches_of_a_thread_share_a_file_and_those_of_others_have_their_own(tmp_path: Path) -> None:
    away: list[Away] = []

    def put() -> None:
        for _ in range(2):
            with Spool(str(tmp_path)) as spool:
                away.extend([spool.put(text) for text in TEXTS])

    put()
    other = threading.Thread(target=put)
    other.start()
    other.join()
    assert [fetch(one) for one in away] == TEXTS * 4
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what a process has open")
def test_files_of_an_earlier_build_do_not_stay_open(tmp_path: Path) -> None:
    """A process of the preview's pool reads what every build has put away."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with Spool(str(tmp_path / name)) as spool:
            away = spool.put(TEXTS[1])
        assert fetch(away) == TEXTS[1]
    opened = {str(found.readlink()) for found in Path("/proc/self/fd").iterdir() if found.is_symlink()}
    assert [Path(path).parent.name for path in opened if path.startswith(str(tmp_path))] == ["second"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of Pythons that mind threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_reads_for_itself(tmp_path: Path) -> None:
    """Where two processes read by one descriptor, one moves it away from under the other."""
    with Spool(str(tmp_path)) as spool:
        away = [spool.put(bytes([128 + number]) * 1000) for number in range(50)]
    expected = [fetch(one) for one in away]
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            right = all([fetch(one) for one in away] == expected for _ in range(200))
            os._exit(0 if right else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]


def test_what_lies_side_by_side_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Spool(str(tmp_path)) as spool, Spool(None) as memory:
        away = [spool.put(text) for text in TEXTS for _ in range(2)]
        mixed = [away[1], memory.put(TEXTS[1]), memory.put(b"{}"), away[0]]
    assert fetch_all(away) == [text for text in TEXTS for _ in range(2)]
    assert fetch_all([away[0], away[3]]) == TEXTS[:2]  # not side by side
    assert fetch_all([]) == []
    reads: list[Slice] = []
    read = Slice.read

    def counted(one: Slice) -> bytes:
        reads.append(one)
        return read(one)

    monkeypatch.setattr(Slice, "read", counted)
    assert fetch_all(mixed) == [TEXTS[0], TEXTS[1], b"{}", TEXTS[0]]
    assert len(reads) == 1


def test_what_is_long_is_compressed_in_memory() -> None:
    with Spool(None) as spool:
        away = spool.put(TEXTS[1])
    assert isinstance(away, bytes)
    assert len(away) < 100


def test_a_file_that_was_cut_off_is_an_error_that_names_it(tmp_path: Path) -> None:
    with Spool(str(tmp_path)) as spool:
        away = spool.put(TEXTS[1])
    assert isinstance(away, Slice)
    os.truncate(away.file, 10)
    with pytest.raises(OSError, match="cut off") as raised:
        fetch(away)
    assert raised.value.filename == away.file


def test_the_folder_stays_as_long_as_an_entry_may_ask_for_it() -> None:
    folder = TemporaryFolder()
    where = Path(folder.path)
    library = build(Settings(ROOT / "tests" / "golden" / "source")).library
    assert library is not None
    entry: Entry = library.entries[0]
    with Spool(folder.path) as spool:
        kept = remember(pack(entry, spool), pytest.fail, folder)
    del folder
    gc.collect()
    assert pickle.loads(pickle.dumps(kept)) == entry  # noqa: S301  made here
    del kept
    gc.collect()
    assert not where.exists()
