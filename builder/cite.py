"""Stage 6, render: BibTeX made of the facts that a model file states, and of nothing else."""

from __future__ import annotations

import functools
import re
import unicodedata

from builder.model import Model
from builder.stac import doi_url

# https://www.ctan.org/pkg/latex: the ten characters that LaTeX reads as commands.
_SPECIALS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_ESCAPES = str.maketrans(_SPECIALS)


def to_bibtex(model: Model) -> str:
    """An entry for the model, and one for each publication; empty when the model states nothing to cite it by."""
    if not (model.doi or model.citation or model.publications):
        return ""
    producers = tuple(provider.name for provider in model.providers if "producer" in provider.roles)
    created = str(model.fields.get("created") or "")
    year = created[:4] if re.match(r"\d{4}-", created) else ""
    publications = tuple((publication.doi or "", publication.citation or "") for publication in model.publications)
    return _entries(
        model.id, model.own_name, model.version or "", producers, year, model.doi or "", model.citation or "",
        publications,
    )  # fmt: skip


@functools.lru_cache(maxsize=64)  # of a model, the card, the card in Markdown and the file of its own ask for it
def _entries(
    model_id: str, title: str, version: str, producers: tuple[str, ...], year: str, doi: str, citation: str,
    publications: tuple[tuple[str, str], ...],
) -> str:  # fmt: skip
    key = _key(model_id)
    entries = [
        _entry(
            key,
            author=" and ".join(f"{{{escape(name)}}}" for name in producers),
            title=f"{{{escape(title)}}}",
            version=escape(version),
            year=year,
            doi=_verbatim(doi),
            url=_verbatim(doi_url(doi)) if doi else "",
            note=escape(citation),
        )
    ]
    for number, (about, words) in enumerate(publications, 1):
        url = _verbatim(doi_url(about)) if about else ""
        entries.append(_entry(f"{key}-{number}", doi=_verbatim(about), url=url, note=escape(words)))
    return "\n\n".join(entries)


def escape(text: str) -> str:
    """The text on one line, with what LaTeX would read as a command written out."""
    return " ".join(text.split()).translate(_ESCAPES)


def _verbatim(text: str) -> str:
    """A DOI or URL as these fields take it: as it is, but never with a brace that ends the field."""
    return text.replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D")


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9:.-]+", "-", plain).strip("-") or "model"


def _entry(key: str, **fields: str) -> str:
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"
