"""Run by the Python that `RUSTAC_SEARCH` names: searches a table of Items with rustac, prints the ids found.

rustac searches with the DuckDB inside it, whose extensions it would fetch. Packages carry them for some versions, so
they are installed beside such a rustac, in an environment of their own. Arguments: the table, a folder to link them in,
and the searches as a list in JSON.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path

import rustac


def find_platform(folder: Path) -> str:
    """DuckDB's name of this platform, which it tells where it misses an extension."""
    try:
        rustac.DuckdbClient(extension_directory=folder, install_extensions=False)
    except rustac.RustacError as error:
        return str(re.findall(r"/v[^/]+/([^/]+)/\w+\.duckdb_extension", str(error))[0])
    raise RuntimeError("DuckDB needs no extension")


def link_extensions(folder: Path) -> None:
    """Puts the extensions where DuckDB looks for them: `<version>/<platform>/<name>`."""
    platform = find_platform(folder)
    for name in ("icu", "parquet", "spatial"):
        found = importlib.util.find_spec(f"duckdb_extension_{name}")
        if found is None or found.origin is None:
            raise RuntimeError(f"duckdb-extension-{name} is not installed")
        (file,) = Path(found.origin).parent.glob("extensions/*/*.duckdb_extension")
        target = folder / file.parent.name / platform / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file.resolve())


if __name__ == "__main__":
    table, extensions, searches = sys.argv[1:]
    link_extensions(Path(extensions))
    client = rustac.DuckdbClient(extension_directory=Path(extensions), install_extensions=False)
    ids = [[item["id"] for item in client.search(table, **search)] for search in json.loads(searches)]
    sys.stdout.write(json.dumps(ids))
