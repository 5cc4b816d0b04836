"""The projects with which other generators make plain pages of the same model files. Preparing them is not timed.

Hugo gets each model file as the front matter of a page, and writes a card and a JSON file of it. MkDocs gets each model
as a page of Markdown. Both render the prose of a model and its tables; neither validates anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

_HUGO = """baseURL: https://example.org/models/
title: Made-up models
disableKinds: [taxonomy, term, RSS, sitemap, robotsTXT, "404"]
outputs: {page: [HTML, JSON], section: [HTML], home: [HTML]}
"""
_HUGO_CARD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ .Title }}</title></head><body>
<h1>{{ .Title }}</h1>
<p>{{ .Params.license }} · {{ .Params.version }}</p>
{{ .Content }}
<h2>Bands</h2>
<table>{{ range index .Params "eo:bands" }}<tr><td>{{ .name }}</td><td>{{ .common_name }}</td>
<td>{{ .center_wavelength }}</td></tr>{{ end }}</table>
<h2>Architecture</h2>
{{ with index .Params "dlm:architecture" }}<p>{{ .type }}</p><pre>{{ .summary }}</pre>{{ end }}
<h2>Classes</h2>
<table>{{ with index .Params "dlm:outputs" }}{{ range .class_name_mapping }}<tr><td>{{ .index }}</td>
<td>{{ .class_name }}</td><td>{{ .description }}</td></tr>{{ end }}{{ end }}</table>
<h2>Metrics</h2>
<table>{{ range .Params.card.metrics }}<tr><td>{{ .name }}</td><td>{{ .value }}</td></tr>{{ end }}</table>
</body></html>
"""
_HUGO_LIST = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ .Title }}</title></head><body>
<h1>{{ .Title }}</h1>
<ul>{{ range .Pages }}<li><a href="{{ .RelPermalink }}">{{ .Title }}</a></li>{{ end }}</ul>
</body></html>
"""
_PROSE = ("intended_use", "limitations", "training_data", "evaluation")


def write_hugo(files: Iterable[Path], folder: Path) -> None:
    """A Hugo project whose pages have the model files as they are for front matter."""
    layouts = folder / "layouts" / "_default"
    layouts.mkdir(parents=True)
    (folder / "hugo.yaml").write_text(_HUGO, "utf-8")
    (layouts / "single.html").write_text(_HUGO_CARD, "utf-8")
    (layouts / "single.json").write_text("{{ .Params | jsonify }}\n", "utf-8")
    (layouts / "list.html").write_text(_HUGO_LIST, "utf-8")
    for file in files:
        text = file.read_text("utf-8")
        page = folder / "content" / file.parent.name / f"{file.stem}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"---\n{text}---\n{_prose(_load(text))}", "utf-8")


def write_mkdocs(files: Iterable[Path], folder: Path, theme: str) -> None:
    """A MkDocs project with a page of Markdown for each model."""
    (folder / "docs").mkdir(parents=True)
    settings = f"site_name: Made-up models\ntheme: {theme}\nmarkdown_extensions: [tables, fenced_code]\n"
    (folder / "mkdocs.yml").write_text(settings, "utf-8")
    (folder / "docs" / "index.md").write_text("# Made-up models\n", "utf-8")
    for file in files:
        data = _load(file.read_text("utf-8"))
        architecture, outputs = data["dlm:architecture"], data["dlm:outputs"]
        parts = [
            f"# {data['title']}\n\n{data['license']} · {data['version']}\n\n{_prose(data)}",
            _table("Bands", data["eo:bands"], ("name", "common_name", "center_wavelength")),
            f"## Architecture\n\n{architecture['type']}\n\n```\n{architecture.get('summary', '')}```\n",
            _table("Classes", outputs["class_name_mapping"], ("index", "class_name", "description")),
            _table("Metrics", data["card"]["metrics"], ("name", "value")),
        ]
        page = folder / "docs" / file.parent.name / f"{file.stem}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text("\n".join(parts), "utf-8")


def _load(text: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return json.loads(json.dumps(data, default=str))  # type: ignore[no-any-return]


def _prose(data: dict[str, Any]) -> str:
    sections = (f"## {key.replace('_', ' ').capitalize()}\n\n{data['card'][key]}\n" for key in _PROSE)
    return "\n".join([f"{data['description']}\n", *sections])


def _table(heading: str, rows: Iterable[dict[str, Any]], columns: tuple[str, ...]) -> str:
    lines = (f"| {' | '.join(str(row[column]) for column in columns)} |" for row in rows)
    head = f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}"
    return "\n".join([f"## {heading}\n", head, *lines, ""])
