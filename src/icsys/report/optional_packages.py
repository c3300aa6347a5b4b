"""Import the optional packages that comparisons and reports need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from icsys.errors import MissingExtraError

_PACKAGES = {"jinja2": "Jinja2", "markupsafe": "MarkupSafe", "matplotlib": "Matplotlib"}


def import_optional(module: str) -> Any:  # noqa: ANN401 - a module without types
    """Import a module of a package in the extra ``report``.

    Raises
    ------
    MissingExtraError
        If its package is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        package = _PACKAGES[module.partition(".")[0]]
        raise MissingExtraError(
            f"{package} is needed to compare and to write reports: pip install 'icsys[report]'"
        ) from None
