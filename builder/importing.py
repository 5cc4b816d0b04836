"""What the command `import` writes: a draft of a model file that `check` accepts, but for what only a person knows.

What a rule is sure to mend is mended, what the profile does not take is left out and listed, and what stays wrong gets
a comment that begins with TODO and names the field.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from builder import schema
from builder.authoring import fill_ids, to_canonical
from builder.check import value_at
from builder.diagnostic import Path, Problem
from builder.document import MAX_FINDINGS, parse
from builder.fix import apply_edits, to_edits
from builder.importers import Draft, ImportFileError, import_file, to_yaml
from builder.model import to_model
from builder.rules import RULES, check_rules
from builder.validate import schema_findings

__all__ = ["Draft", "ImportFileError", "import_model"]

_MOST_ROUNDS = 8
"""What is mended may show what was hidden behind it."""
_REFUSED = frozenset({"key-unknown", "value-type", "value-choice", "value-range", "value-format", "url-unsafe"})
"""Rules whose findings take a value away: nothing could be published with it."""


def import_model(location: FilePath) -> tuple[Draft, str]:
    """The draft of a model file from another description, and its text.

    Raises ImportFileError for a file that cannot be read, or of no kind that is known, and MissingExtraError.
    """
    draft = import_file(location)
    for _ in range(_MOST_ROUNDS):
        text = to_yaml(draft, location.name)
        if not _mend(draft, text):
            break
    return draft, to_yaml(draft, location.name)


def _mend(draft: Draft, text: str) -> bool:
    """Mends what can be mended in a draft with this text, and marks the rest; whether anything was mended."""
    path = f"{draft.fields.get('collection', 'models')}/{draft.id}.yml"
    document, diagnostics = parse(path, text)
    if document is None:
        raise ImportFileError(f"{path} would not be a model file: {diagnostics[0].message}")
    canonical = to_canonical(document, path)
    findings = schema_findings(canonical, schema.MODEL_FILE)[:MAX_FINDINGS]
    fill_ids(canonical)
    findings += [(rule.id, problem) for rule, problem in check_rules(to_model(canonical.data))]
    edits = [edit for _, one in findings if one.fix for edit in to_edits(*canonical.written_at(one.path), one.fix)]
    if edits:
        mended, _ = parse(path, apply_edits(text, edits))
        if mended is not None and isinstance(mended.data, dict) and mended.data != draft.fields:
            draft.fields.clear()
            draft.fields.update(mended.data)
            return True
    return _refuse(draft, findings)


def _refuse(draft: Draft, findings: Sequence[tuple[str, Problem]]) -> bool:
    """Takes out what the profile refuses, or else marks what is wrong; whether anything was taken out."""
    there = {problem.path: problem for rule, problem in findings if rule in _REFUSED}
    refused = [problem for path, problem in there.items() if path and value_at(draft.fields, path) is not None]
    # The last member of a list goes first, so that the places of the others stay.
    for problem in sorted(refused, key=lambda one: [f"{step:>20}" for step in one.path], reverse=True):
        value = value_at(draft.fields, problem.path)
        if value is not None:
            del value_at(draft.fields, problem.path[:-1])[problem.path[-1]]
            draft.leave(f"{'.'.join(map(str, problem.path))}: {_shown(value)}", problem.message)
    if refused:
        return True
    for rule, problem in findings:
        if RULES[rule].severity != "note" and rule != "todo-left":
            at = _nearest(draft.fields, problem.path)
            field = next((str(step) for step in reversed(problem.path) if isinstance(step, str)), "the file")
            hint = f" ({problem.hint})" if problem.hint else ""
            remark = f"TODO {field}: {problem.message}{hint}."
            if remark not in draft.notes.get(at, ""):
                draft.note(at, remark)
    return False


def _shown(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:80]}…"


def _nearest(data: Any, path: Path) -> Path:
    """The longest part of a path at which something stands."""
    return next(path[:length] for length in range(len(path), -1, -1) if value_at(data, path[:length]) is not None)
