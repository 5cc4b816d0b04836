"""What a rule is, and the table of all of them.

A rule is a generator over one `Model` whose docstring is its documentation: the first line says what must hold, the
rest why and how to mend it. Its name with hyphens is its id. Rules that are found on the way (a syntax error, a draft
spelling) have no generator and are entered with `found`.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from builder.diagnostic import Path, Problem, Severity
from builder.model import Asset, Model
from builder.weights import Signature

Check = Callable[[Model], Iterator[Problem]]
WeightsCheck = Callable[[Model, Asset, Signature], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its documentation; `check` is None where the finding is made elsewhere."""

    id: str
    severity: Severity
    documentation: str
    check: Check | None = None
    misses: tuple[str, ...] = ()
    """The keys of which the rule wants one; where one is there but wrong, that is said, and not that it is missing."""

    @property
    def binding(self) -> bool:
        """Whether the rule can neither be waived nor graded down: no site can be built around what it finds, or it is
        about the change of a file and not about the file."""
        return self.id in _BINDING

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0]


RULES: dict[str, Rule] = {}
_WEIGHTS_CHECKS: dict[str, WeightsCheck] = {}
# Without these there is no model, no Item, or no place for it.
_BINDING = frozenset({
    "yaml-syntax", "findings-more", "value-missing", "item-invalid", "id-unsafe", "id-duplicate", "link-broken",
    "asset-name", "url-unsafe", "docs-invalid", "version-cycle", "waiver-invalid", "waiver-unused",
    "withdrawal-incomplete", "withdrawal-target", "change-breaking", "model-removed",
})  # fmt: skip


def rule(severity: Severity, *, misses: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Enters a generator into the table under its own name; `misses` as in `Rule`."""

    def enter(check: Check) -> Check:
        found(check.__name__.replace("_", "-"), severity, inspect.getdoc(check) or "", check, misses)
        return check

    return enter


def weights_rule(severity: Severity) -> Callable[[WeightsCheck], WeightsCheck]:
    """Enters a generator that holds a file of weights against the model into the table, under its own name."""

    def enter(check: WeightsCheck) -> WeightsCheck:
        rule_id = check.__name__.replace("_", "-")
        found(rule_id, severity, inspect.getdoc(check) or "")
        _WEIGHTS_CHECKS[rule_id] = check
        return check

    return enter


def found(
    rule_id: str, severity: Severity, documentation: str, check: Check | None = None, misses: tuple[str, ...] = ()
) -> None:  # fmt: skip
    """Enters a rule into the table."""
    if rule_id in RULES:
        raise ValueError(f"the rule {rule_id} exists already")
    RULES[rule_id] = Rule(rule_id, severity, inspect.cleandoc(documentation), check, misses)


def suggest_rules(name: str) -> str:
    """A hint for a rule id that does not exist."""
    close = difflib.get_close_matches(name, RULES, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else "the docs page “Rules” lists all of them"


def check_rules(model: Model) -> Iterator[tuple[Rule, Problem]]:
    """What every rule finds in a model."""
    for entry in RULES.values():
        if entry.check is not None:
            for problem in entry.check(model):
                yield entry, problem


def check_weights(model: Model, asset: Asset, signature: Signature) -> Iterator[tuple[str, Problem]]:
    """What every rule about weights finds between a model and the file of an asset, with the ids of the rules."""
    here: Path = (*asset.path, "href")
    for rule_id, check in _WEIGHTS_CHECKS.items():
        for problem in check(model, asset, signature):
            if problem.path == here:
                yield rule_id, problem
            else:
                yield rule_id, replace(problem, related=(*problem.related, (here, "this is the file")))
