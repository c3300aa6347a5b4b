"""Why an image failed, as a stable code and a sentence."""

from __future__ import annotations

from icsys.errors import ImageError, code_of
from icsys.files.url import without_secrets


def failure_reason(error: Exception) -> tuple[str, str]:
    """Return code and message of a failure."""
    match error:
        case ImageError():
            return error.code, str(error)
        case OSError():
            place = f": {error.filename}" if error.filename else ""
            return code_of(error), f"{error.strerror or error}{place}"
        case MemoryError():
            return "memory", "not enough memory for this image"
        case _:
            return (
                "internal",
                f"a fault of ics itself, please report it: {type(error).__name__}: {without_secrets(str(error))}",
            )
