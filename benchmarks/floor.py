"""What other libraries and the system take of a build by themselves: no build with them can take less.

    TMPDIR=/dev/shm python benchmarks/floor.py --models 500

Prints the processor time for each model of the corpus: the events of libyaml as PyYAML gives them, the Item against
STAC's schemas, its JSON, the prose of the card made safe, and the digests and the writing of all files of the model,
into the folder for temporary files.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nh3
import orjson
import yaml
from corpus import write_corpus

sys.path.insert(0, str(Path(__file__).parents[1]))

from builder import pipeline, validate
from builder.simple_markdown import simple_html

TAGS = {"a", "code", "em", "li", "p", "strong", "ul"}


def main() -> int:
    """Measures, and prints a line for each library."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, default=500)
    models: int = parser.parse_args().models
    total = 0.0
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        for what, milliseconds in floors(models, Path(folder)):
            sys.stdout.write(f"{what:45}{milliseconds:6.3f} ms\n")
            total += milliseconds
    sys.stdout.write(f"{'together':45}{total:6.3f} ms\n")
    return 0


def floors(models: int, folder: Path) -> Iterable[tuple[str, float]]:
    """What each library takes for a model, in milliseconds of processor time."""
    texts = [file.read_text("utf-8") for file in write_corpus(folder / "source", models)]
    made = pipeline.build(pipeline.Settings(folder / "source")).artifacts
    files = [(a.path, a.content) for a in made if "/land-cover-" in a.path and isinstance(a.content, bytes)]
    items = [orjson.loads(content) for path, content in files if path.endswith(".json") and "/deploy/" not in path]
    prose = [text for model in map(_load, texts) for text in (model["description"], *model["card"].values())]
    pages = [html for text in prose if isinstance(text, str) and (html := simple_html(text))]
    cleaner = nh3.Cleaner(tags=TAGS)
    for path, _ in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)

    def measure(function: Callable[[Any], object], values: Iterable[Any]) -> float:
        values = list(values)
        started = time.process_time()
        for value in values:
            function(value)
        return (time.process_time() - started) * 1000 / models

    validate.check_item(items[0])  # the schemas are prepared once for all
    yield "libyaml, events as PyYAML gives them", measure(_scan, texts)
    yield "jsonschema-rs, Items against STAC's schemas", measure(validate.check_item, items)
    yield "orjson, Items", measure(lambda item: orjson.dumps(item, option=orjson.OPT_INDENT_2), items)
    yield "nh3, prose of the card", measure(cleaner.clean, pages)
    yield "SHA-256 of the files", measure(lambda file: hashlib.sha256(file[1]).hexdigest(), files)
    placed = [(f"{folder}/{path}", content) for path, content in files]
    yield f"writing of {len(files) / models:.0f} files", measure(lambda file: _write(*file), placed)


def _scan(text: str) -> None:
    parser = yaml.cyaml.CParser(text)
    while parser.check_event():
        parser.get_event()


def _load(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    os.write(descriptor, content)
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
