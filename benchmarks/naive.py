"""What a competent script does with the same model files: read, validate against STAC's schema, write Item and card.

    python benchmarks/naive.py SOURCE OUTPUT

It takes the fast path of each library: PyYAML's C loader, one prebuilt jsonschema validator, one Markdown converter,
one compiled Jinja template. What it leaves out is what the package adds: rules, positions,
figures, an index, publishing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jinja2
import markdown
import pystac
import yaml
from jsonschema import Draft7Validator
from markupsafe import Markup
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource

ITEM_SCHEMA = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"

_CARD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ item.properties.title }}</title></head><body>
<h1>{{ item.properties.title }}</h1>
{{ description }}
<p>{{ item.properties.license }} · {{ item.properties.version }}</p>
<h2>Bands</h2>
<table>{% for band in item.properties["eo:bands"] %}<tr><td>{{ band.name }}</td><td>{{ band.common_name }}</td>
<td>{{ band.center_wavelength }}</td></tr>{% endfor %}</table>
<h2>Architecture</h2>
<p>{{ item.properties["dlm:architecture"].type }}</p>
<pre>{{ item.properties["dlm:architecture"].summary }}</pre>
<h2>Classes</h2>
<table>{% for entry in item.properties["dlm:outputs"].class_name_mapping %}<tr><td>{{ entry.index }}</td>
<td>{{ entry.class_name }}</td><td>{{ entry.description }}</td></tr>{% endfor %}</table>
{% for heading, text in sections %}<h2>{{ heading }}</h2>
{{ text }}
{% endfor %}<h2>Metrics</h2>
<table>{% for metric in metrics %}<tr><td>{{ metric.name }}</td><td>{{ metric.value }}</td></tr>{% endfor %}</table>
</body></html>
"""


def to_item(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """The STAC Item of a model file."""
    properties = {key: value for key, value in data.items() if key not in ("bbox", "assets", "links")}
    for key in ("updated", "start_datetime", "end_datetime"):
        properties[key] = f"{properties[key]}T00:00:00Z"
    west, south, east, north = data["bbox"]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": path.stem,
        "collection": path.parent.name, "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": data["bbox"],
        "properties": {"datetime": None, **properties}, "assets": data["assets"],
        "links": [{"rel": "collection", "href": "../collection.json"}, *data.get("links", [])],
    }  # fmt: skip


def main(source: Path, output: Path) -> None:
    """Writes `<collection>/<id>/<id>.json` and `index.html` for every model file."""
    schemas = get_local_schema_cache()
    registry = Registry().with_resources((uri, Resource.from_contents(schema)) for uri, schema in schemas.items())
    validator = Draft7Validator(schemas[ITEM_SCHEMA], registry=registry)
    converter = markdown.Markdown(extensions=["tables", "fenced_code"])
    template = jinja2.Environment(autoescape=True).from_string(_CARD)

    def prose(text: str) -> Markup:
        return Markup(converter.reset().convert(text))  # noqa: S704  what it reads was made here

    for path in sorted(source.glob("*/land-cover-*.yml")):
        data = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        item = to_item(data, path)
        validator.validate(item)
        item = pystac.Item.from_dict(item).to_dict(include_self_link=False)
        card = dict(data["card"])
        metrics = card.pop("metrics")
        page = template.render(
            item=item, description=prose(data["description"]), metrics=metrics,
            sections=[(key.replace("_", " ").capitalize(), prose(text)) for key, text in card.items()],
        )  # fmt: skip
        folder = output / path.parent.name / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{path.stem}.json").write_text(json.dumps(item, indent=2), "utf-8")
        (folder / "index.html").write_text(page, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
