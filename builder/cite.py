"""Stage 6, render: BibTeX made of the facts that a model file states, and of nothing else."""

from __future__ import annotations

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
    key = _key(model.id)
    producers = [provider.name for provider in model.providers if "producer" in provider.roles]
    created = str(model.fields.get("created") or "")
    entries = [
        _entry(
            key,
            author=" and ".join(f"{{{escape(name)}}}" for name in producers),
            title=f"{{{escape(model.own_name)}}}",
            version=escape(model.version or ""),
            year=created[:4] if re.match(r"\d{4}-", created) else "",
            doi=_verbatim(model.doi or ""),
            url=_verbatim(doi_url(model.doi)) if model.doi else "",
            note=escape(model.citation or ""),
        )
    ]
    for number, publication in enumerate(model.publications, 1):
        doi = publication.doi or ""
        entries.append(
            _entry(
                f"{key}-{number}",
                doi=_verbatim(doi),
                url=_verbatim(doi_url(doi)) if doi else "",
                note=escape(publication.citation or ""),
            )
        )
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
