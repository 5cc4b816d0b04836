"""The numpy program that prepares an image for the network and reads its output, as a file."""

from __future__ import annotations

from builder.deploy.sheet import DeployFile, Sheet, Site, Withheld
from builder.words import mark, say

NAME = "preprocess.py"
TITLE = mark("Preparation and interpretation in numpy")


def render(site: Site) -> DeployFile | Withheld:
    """The program of the recipe, whose head says what is not stated and what is inferred."""
    sheet = Sheet(NAME, TITLE)
    if not site.recipe.inputs:
        sheet.lack(("dlm:inputs",), say("the inputs of the network: name, tensor and normalisation"))
        return sheet.withheld()
    sheet.inferred += site.recipe.inferred
    return sheet.finish(site.recipe.code)
