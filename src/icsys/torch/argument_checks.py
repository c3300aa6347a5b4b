"""Checks of what a user gives to the functions for PyTorch."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from icsys.errors import UsageError
from icsys.loading.dataset import Dataset
from icsys.setting_fields import Switch

_SHOWN = 60  # characters of a refused value


def loaded(data: object) -> Dataset:
    """Return the dataset that a user gives.

    Raises
    ------
    UsageError
        If it is something else, such as the path of a folder.
    """
    if isinstance(data, Dataset):
        return data
    folder = repr(os.fspath(data)) if isinstance(data, str | os.PathLike) else "folder"
    given = f"data={short_repr(data)} of type {type(data).__name__}"
    raise UsageError(f"{given}: expected a Dataset, or a view of one; icsys.load({folder}) gives it")


def switch(name: str, value: object) -> bool:
    """Return a value as a bool, also one of NumPy; UsageError if it is something else."""
    return Switch().accept(name, bool(value) if isinstance(value, np.bool_) else value)


def function_or_none(name: str, value: Any) -> Any:  # noqa: ANN401 - a function of any kind
    """Return a function, or None; UsageError if it is something else."""
    if value is None or callable(value):
        return value
    raise UsageError(f"{name}={short_repr(value)}: expected a function of one argument, or None")


def short_repr(value: object) -> str:
    """Return a value as an error shows it: in one line, and short."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
