"""The Deep Learning Model extension for pystac. It needs pystac alone, and nothing of the rest of `builder`.

The names below are loaded when they are first used: the builder reads `schema.json` and `spellings` without pystac.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder.dlm.drafts import DLM_EXTENSION_HOOKS, migrate_draft
    from builder.dlm.extension import DLMExtension, SummariesDLMExtension
    from builder.dlm.objects import (
        SCHEMA_URI,
        Architecture,
        ArchiveMember,
        Class,
        Data,
        DLMObject,
        Docker,
        Input,
        ItemExample,
        Output,
        Runtime,
        Tensor,
        UsefulBand,
        Withdrawal,
    )  # fmt: skip

_HOMES = {
    "drafts": ("DLM_EXTENSION_HOOKS", "migrate_draft"),
    "extension": ("DLMExtension", "SummariesDLMExtension"),
    "objects": (
        "SCHEMA_URI", "Architecture", "ArchiveMember", "Class", "DLMObject", "Data", "Docker", "Input", "ItemExample",
        "Output", "Runtime", "Tensor", "UsefulBand", "Withdrawal",
    ),
}  # fmt: skip

__all__ = [
    "DLM_EXTENSION_HOOKS", "SCHEMA_URI", "Architecture", "ArchiveMember", "Class", "DLMExtension", "DLMObject", "Data",
    "Docker", "Input", "ItemExample", "Output", "Runtime", "SummariesDLMExtension", "Tensor", "UsefulBand",
    "Withdrawal", "migrate_draft",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"builder.dlm.{home}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
