"""Answers that all subjects give: JSON bodies that are checked, and errors as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from icsys.errors import ICSError, ImageError, UsageError
from icsys.files.failure_reason import failure_reason
from icsys.files.parsing import from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

MOST_BYTES_OF_A_BODY = 2**20
"""Bytes of a request's body; options are far shorter."""

_WRONG, _GONE, _TOO_LARGE = 400, 404, 413


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request holds.

    Raises
    ------
    UsageError
        If it holds something else.
    HTTPException
        If it is too long.
    """
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MOST_BYTES_OF_A_BODY:
            raise HTTPException(_TOO_LARGE, f"expected a request of at most {MOST_BYTES_OF_A_BODY} bytes")
    try:
        values = from_json(bytes(data))
    except ValueError as error:
        raise UsageError(f"the request is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise UsageError(f"the request holds {type(values).__name__}: expected an object")
    return values


def options_in(body: dict[str, object]) -> dict[str, object]:
    """Return the options in a request; UsageError if there are none."""
    options = body.get("options")
    if not isinstance(options, dict):
        raise UsageError(f"options={options!r}: expected an object with options by name")
    return options


def json_answer(values: Mapping[str, Any] | list[Any], status: int = 200) -> Response:
    """Return plain values as JSON, in ASCII: names of files may hold what no encoding has."""
    return Response(json.dumps(values, allow_nan=False), status, media_type="application/json")


async def _of_usage(_: Request, error: Exception) -> Response:
    return json_answer({"error": str(error)}, _GONE if isinstance(error, FileNotFoundError) else _WRONG)


async def _of_image(_: Request, error: Exception) -> Response:
    code = error.code if isinstance(error, ImageError) else "error"
    return json_answer({"error": str(error), "code": code}, 422)


async def _of_system(_: Request, error: Exception) -> Response:
    code, text = failure_reason(error)
    return json_answer({"error": text, "code": code}, 422)


async def _of_http(_: Request, error: Exception) -> Response:
    status, text = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "error")
    return json_answer({"error": text}, status)


ERROR_HANDLERS: dict[Any, Any] = {
    UsageError: _of_usage,
    ImageError: _of_image,
    ICSError: _of_usage,
    OSError: _of_system,
    MemoryError: _of_system,
    HTTPException: _of_http,
}
"""What a request gets if it cannot be answered: an object with ``error``, a sentence for the user."""
