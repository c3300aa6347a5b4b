"""Answers that all subjects give: JSON bodies that are checked, and errors as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from icsys.errors import ICSError, ImageError, UsageError
from icsys.files.failure_reason import failure_reason
from icsys.files.parsing import from_json
from icsys.studio.settings.page_options import names_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from icsys.options import Options
    from icsys.studio.workspace import Workspace

MOST_BYTES_OF_A_BODY = 2**20
"""Bytes of a request's body; options are far shorter."""

_WRONG, _GONE, _TOO_LARGE, _UNREADABLE = 400, 404, 413, 422


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request holds.

    Raises
    ------
    UsageError
        If it holds something else.
    HTTPException
        If it is too long.
    """
    too_large = HTTPException(_TOO_LARGE, f"expected a request of at most {MOST_BYTES_OF_A_BODY} bytes")
    if float(request.headers.get("content-length", 0)) > MOST_BYTES_OF_A_BODY:
        raise too_large  # before the client has sent it
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MOST_BYTES_OF_A_BODY:
            raise too_large
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


async def asked_options(workspace: Workspace, body: dict[str, object]) -> Options:
    """Return the options that a request names.

    Raises
    ------
    UsageError
        If they are none, or name a file that is not opened, or whose place does not answer.
    """
    values = options_in(body)
    if not names_file(values):
        return workspace.options_of(values)
    return await workspace.looks.at(f"palette={values['palette']!r}", lambda: workspace.options_of(values))


def json_answer(values: Mapping[str, Any] | list[Any], status: int = 200) -> Response:
    """Return plain values as JSON, in ASCII: names of files may hold what no encoding has."""
    return Response(json.dumps(values, allow_nan=False), status, media_type="application/json")


def picture_answer(data: bytes, media_type: str, **headers: str) -> Response:
    """Return an image; whatever else its bytes hold, a browser that opens it by itself runs nothing of it."""
    policy = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(data, media_type=media_type, headers=policy | headers)


async def _of_usage(request: Request, error: Exception) -> Response:
    return _refusal(request, {"error": str(error)}, _GONE if isinstance(error, FileNotFoundError) else _WRONG)


async def _of_image(request: Request, error: Exception) -> Response:
    code = error.code if isinstance(error, ImageError) else "error"
    return _refusal(request, {"error": str(error), "code": code, **_photo(request)}, _UNREADABLE)


async def _of_system(request: Request, error: Exception) -> Response:
    code, text = failure_reason(error)
    return _refusal(request, {"error": text, "code": code, **_photo(request)}, _UNREADABLE)


def _photo(request: Request) -> dict[str, str]:
    """Return the path of the photo that was asked for, where a route has named it."""
    photo = getattr(request.state, "photo", None)
    return {} if photo is None else {"photo": photo}


async def _of_bug(request: Request, error: Exception) -> Response:
    """Name the kind of a fault of ICS; where it lies is for the terminal."""
    text = f"this is a fault of ICS ({type(error).__name__}); its terminal says more"
    return _refusal(request, {"error": text}, 500)


async def _of_http(request: Request, error: Exception) -> Response:
    status, text = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "error")
    return _refusal(request, {"error": text}, status)


def _refusal(request: Request, values: dict[str, Any], status: int) -> Response:
    """Return an error; with the header ``X-Errors: values`` it has the status 200, and ``X-Status`` holds its own.

    Browsers write a line on their console for each status of 400 and above, though the page says it to the user.
    """
    if request.headers.get("x-errors") != "values":
        return json_answer(values, status)
    answer = json_answer(values)
    answer.headers["X-Status"] = str(status)
    return answer


ERROR_HANDLERS: dict[Any, Any] = {
    UsageError: _of_usage,
    ImageError: _of_image,
    ICSError: _of_usage,
    OSError: _of_system,
    MemoryError: _of_system,
    HTTPException: _of_http,
    Exception: _of_bug,
}
"""What a request gets if it cannot be answered: an object with ``error``, a sentence for the user."""
