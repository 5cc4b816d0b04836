"""Where the shared material lies: `../shared`, or what DLM_SHARED names."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("DLM_SHARED", ROOT.parent / "shared"))

needs_shared = pytest.mark.skipif(
    not (SHARED / "schemas").is_dir(),
    reason="needs the mirror of official schemas in ../shared",
)
