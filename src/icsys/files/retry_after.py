"""How long a server asks to wait before it is asked again."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_PAUSE = 30.0
"""Seconds that are waited at most where a server asks for it."""


def seconds_asked(error: BaseException) -> float:
    """Return how many seconds a server asks to wait (Retry-After), or until a time of its own clock; 0 if none.

    It is never more than :data:`LONGEST_PAUSE`.
    """
    for headers in _headers_of(error):
        told = {str(name).lower(): str(value).strip() for name, value in headers.items()}
        if (asked := told.get("retry-after", "")).isdecimal():
            return min(float(asked[:9]), LONGEST_PAUSE)
        then, now = (nanoseconds(told[name]) if told.get(name) else None for name in ("retry-after", "date"))
        if then is not None:
            return min(max(0.0, (then - (time.time_ns() if now is None else now)) / 10**9), LONGEST_PAUSE)
    return 0.0


def _headers_of(error: BaseException | None) -> Iterator[Any]:
    """Find the headers of answers that led to an error, where aiohttp and botocore keep them."""
    while error is not None:
        yield getattr(error, "headers", None) or {}
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            yield response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        error = error.__cause__


def nanoseconds(value: object) -> int | None:
    """Return a time that a server tells as nanoseconds since 1970; None if it is none."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return round(moment.timestamp() * 10**6) * 1000
        return int(value * 10**9) if isinstance(value, int | float) else None
    except (ValueError, OverflowError):
        return None
