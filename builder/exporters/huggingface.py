"""The README.md of a Hugging Face repository: front matter from the stated facts, then the card in Markdown.

Fields and words: https://huggingface.co/docs/hub/model-cards and https://huggingface.co/docs/hub/repositories-licenses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from builder.catalog import CatalogInfo, Entry
from builder.exporters.card_md import to_markdown
from builder.exporters.form import Export, is_web, plain_license
from builder.importers.yaml_text import to_block
from builder.model import Model
from builder.output import Artifact

PIPELINES = {
    "classification": "image-classification",
    "semantic segmentation": "image-segmentation",
    "instance segmentation": "image-segmentation",
    "panoptic segmentation": "image-segmentation",
    "object detection": "object-detection",
}
"""The pipeline tags of our tasks. Regression has none."""
LICENSES = frozenset({
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "mpl-2.0",
    "unlicense", "isc", "zlib", "artistic-2.0", "bsl-1.0", "ecl-2.0", "ncsa", "ofl-1.1", "postgresql", "wtfpl",
})  # fmt: skip
"""The identifiers that are SPDX ones in lower case; a license that is not among them goes in under its own name."""


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:  # noqa: ARG001  the signature of the family
    """`README.md` of a repository for each model."""
    artifacts, losses = [], []
    for entry in entries:
        front = to_block(to_front_matter(entry.model))
        artifacts.append(Artifact(f"{entry.folder}/README.md", f"---\n{front}---\n\n{to_markdown(entry)}".encode()))
        used = {result["metrics"][0]["name"] for result in _results(entry.model)}
        missing = [metric.name for metric in entry.model.card.metrics if metric.name not in used]
        losses += [f"{entry.model.id}: metric {name}: it takes a number, a data set and a task" for name in missing]
    return Export(tuple(artifacts), losses=tuple(losses))


def to_front_matter(model: Model) -> dict[str, Any]:
    """What the hub indexes; nothing is guessed."""
    license_ = plain_license(model)
    fields: dict[str, Any] = {}
    if license_ and license_.lower() in LICENSES:
        fields["license"] = license_.lower()
    elif model.license:
        terms = next((link.href for link in model.links if link.rel == "license" and is_web(link.href)), None)
        link = f"https://spdx.org/licenses/{license_}.html" if license_ else terms
        fields |= {"license": "other", "license_name": _slug(model.license), **({"license_link": link} if link else {})}
    if tags := [tag for task in model.tasks if (tag := PIPELINES.get(task))]:
        fields["pipeline_tag"] = tags[0]
    frameworks = [runtime.framework for runtime in model.runtime if runtime.framework]
    words = ["earth-observation", *frameworks, *model.tasks, *model.sensors, *model.instruments, *model.keywords]
    fields["tags"] = list(dict.fromkeys(filter(None, map(_slug, words))))
    if results := list(_results(model)):
        fields["model-index"] = [{"name": model.name, "results": results}]
    return fields


def _results(model: Model) -> Iterator[dict[str, Any]]:
    """The metrics that fit the hub's form: a number, on a data set, for a task."""
    task = next((tag for name in model.tasks if (tag := PIPELINES.get(name))), None)
    for metric in model.card.metrics:
        if task and metric.dataset and _slug(metric.dataset) and isinstance(metric.value, (int, float)):
            dataset = {"name": metric.dataset, "type": _slug(metric.dataset)}
            about = {"type": _slug(metric.name) or "metric", "name": metric.name, "value": metric.value}
            result: dict[str, Any] = {
                "task": {"type": task},
                "dataset": {**dataset, **({"split": metric.split} if metric.split else {})},
                "metrics": [about],
            }
            if is_web(metric.source):
                result["source"] = {"name": "Evaluation", "url": metric.source}
            yield result


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
