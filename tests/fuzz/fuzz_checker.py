"""Searches for models that the checker cannot take: an exception, a place outside of the file, an answer that is late.

    pip install '.[fuzz]'
    python tests/fuzz/fuzz_checker.py -max_total_time=360

Any option of libFuzzer may follow. An input is a model file, its collection file and the catalog file, with the
character U+001E between them. One that fails is left in `tests/fuzz/corpus/checker/`; when its cause is mended, keep it
there under a name that says what it is, and the tests replay it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from fuzz import search, targets  # noqa: E402  the folders above are on the path only now

if __name__ == "__main__":
    search.run(targets.check_anything, "checker", structured=True)
