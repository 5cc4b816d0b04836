"""Spellings of the extension's drafts, and of numpy, with ours. Tables only: reading model files needs no pystac."""

from __future__ import annotations

import re

RENAMED: dict[str, dict[str, str]] = {
    "data": {"data_type": "dtype", "nodata": "nodata_value", "process_ level": "process_level"},
    "input": {"selected_bands": "selected_band"},
    "tensor": {"channels": "dim"},
    "runtime": {"framework_version": "version"},
}
"""The drafts' names of fields, and ours, by object."""

PROCESS_LEVELS: dict[str, str] = {"raw": "L0", "ard": "L4"}
"""The drafts' words for processing levels, in lower case, and ours."""

TASKS: dict[str, str] = {"object segmentation": "instance segmentation"}
"""The drafts' names of tasks, and ours."""

CLASS_KEY = re.compile(r"(?:I_)?(-?[0-9]{1,18})")
"""A class index as a key: the drafts wrote `I_0` where we write `0`."""

DTYPE_ALIASES: dict[str, str] = {
    "bool_": "bool",
    "bool8": "bool",
    "byte": "int8",
    "short": "int16",
    "intc": "int32",
    "int": "int64",
    "int_": "int64",
    "long": "int64",
    "longlong": "int64",
    "intp": "int64",
    "ubyte": "uint8",
    "ushort": "uint16",
    "uintc": "uint32",
    "uint": "uint64",
    "ulong": "uint64",
    "ulonglong": "uint64",
    "uintp": "uint64",
    "half": "float16",
    "single": "float32",
    "float": "float64",
    "float_": "float64",
    "double": "float64",
    "csingle": "complex64",
    "singlecomplex": "complex64",
    "complex": "complex128",
    "complex_": "complex128",
    "cdouble": "complex128",
    "cfloat": "complex128",
}
"""numpy's other names of data types, as on 64-bit Linux. The schema has no name for the widest (`longdouble` …)."""
