"""Rules about versions that are outdated or withdrawn. What needs the other models, or an earlier state, is in
`across` and `against`."""

from collections.abc import Iterator

from builder.diagnostic import Problem
from builder.model import Model
from builder.rules.registry import found, rule

found(
    "withdrawal-incomplete",
    "error",
    """
    A withdrawal must say why and since when: `reason` and `since`.

    The page of the model stays where it was, for everyone who has a link to it. They find these two there instead of
    the weights.
    """,
)
found(
    "withdrawal-target",
    "error",
    """
    `replaced_by` must be the id of another model of the catalog that is not withdrawn itself, or an http(s) URL.

    It is where the page sends its readers. Name the model that they should use in the end, or leave the key out.
    """,
)
found(
    "change-breaking",
    "error",
    """
    What breaks those who run a model must come with a new version of it.

    Another order of bands, another normalisation, a class with another meaning: a program that was written for the old
    model goes on and gives wrong results. Raise `version` in the same change, or publish the new state as a model of
    its own with a `predecessor-version` link. Found by `build-catalog check --against` only.
    """,
)
found(
    "model-removed",
    "error",
    """
    A model must not be removed, nor moved to another collection, once it was published.

    Papers, programs and bookmarks hold its address. Keep the file and add `withdrawn` to it: page and Item stay as a
    record, without the weights. Found by `build-catalog check --against` only.
    """,
)


@rule("warning")
def withdrawal_current(model: Model) -> Iterator[Problem]:
    """A withdrawn model is deprecated, too, and should not say otherwise.

    Programs that know nothing of withdrawals read `deprecated`, so it is published as true. Remove
    `deprecated: false`.
    """
    if model.withdrawn and model.fields.get("deprecated") is False:
        related = ((model.withdrawn.path, "withdrawn here"),)
        yield Problem(("deprecated",), "the model is withdrawn, but says that it is not deprecated",
                      "remove deprecated: false", related=related)  # fmt: skip
