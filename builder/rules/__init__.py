"""Stage 3, rules: what no schema can say about a model. One small generator each; see `registry` for the form."""

from builder.rules import deployment, imagery, item, lifecycle, outputs, reading, weights, words
from builder.rules.examples import example
from builder.rules.registry import RULES, Rule, check_rules, check_weights, suggest_rules

__all__ = [
    "RULES",
    "Rule",
    "check_rules",
    "check_weights",
    "deployment",
    "example",
    "imagery",
    "item",
    "lifecycle",
    "outputs",
    "reading",
    "suggest_rules",
    "weights",
    "words",
]
