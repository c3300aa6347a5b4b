"""Answers about the images of the source: the list, thumbnails, and single photos as they are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from icsys.errors import ImageError, UsageError
from icsys.files.failure_reason import failure_reason
from icsys.setting_fields import number_or_text, whole_number
from icsys.studio.api.answers import json_answer, picture_answer
from icsys.studio.images.image_choice import ImageChoice
from icsys.studio.in_turn import InTurn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from icsys.studio.images.thumbnails import MadeJpeg
    from icsys.studio.workspace import Workspace

LIST_ORDERS = ("name", "worst")
"""Orders of the list: as in the source, or the worst ones of a sample under the options given last."""

_MOST_AT_ONCE = 1000
_MOST_SMALL, _MOST_LARGE = 4, 2  # pictures that are made at a time
_MOST_LISTS = 4  # that look at files at a time: where these do not answer, other requests go on
_LASTING = {"Cache-Control": "private, max-age=3600", "Vary": "Cookie"}
_MOST_IMAGES = 2**31
_BEGUN, _NO_CONTENT = 202, 204
_LONGEST_WORDS = 200


def image_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    limiter = anyio.CapacityLimiter(_MOST_LISTS)

    async def listed(request: Request) -> Response:
        make = partial(_listed, workspace, request.query_params)
        return json_answer(await anyio.to_thread.run_sync(make, limiter=limiter))

    async def look_again(_: Request) -> Response:
        workspace.images.look_again()
        return json_answer({"edition": workspace.images.edition}, _BEGUN)

    async def picture(request: Request, make: Callable[[int], MadeJpeg]) -> Response:
        data, version = await run_in_threadpool(make, _number(request.path_params["image"], "image", _MOST_IMAGES))
        # An address with this version never stands for other bytes, while the server runs; another one has another
        # cookie. What is asked for without it, or has changed just now, is not kept.
        is_lasting = request.query_params.get("version") == version
        return picture_answer(data, "image/jpeg", **(_LASTING if is_lasting else {}))

    async def thumbnail(request: Request) -> Response:
        try:
            return await picture(request, workspace.thumbnails.jpeg)
        except (ImageError, OSError):
            # The page asks so: browsers write a line on their console for each picture with a status of 400 and above.
            if request.query_params.get("broken") != "empty":
                raise
            return Response(status_code=_NO_CONTENT)

    async def original(request: Request) -> Response:
        return await picture(request, workspace.thumbnails.large_jpeg)

    return [
        Route("/images", listed, methods=["GET"]),
        Route("/images", look_again, methods=["POST"]),
        Route("/images/{image}/thumbnail", thumbnail, middleware=[Middleware(InTurn, most=_MOST_SMALL)]),
        Route("/images/{image}/original", original, middleware=[Middleware(InTurn, most=_MOST_LARGE)]),
    ]


def _listed(workspace: Workspace, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return a part of the list, and what the page says about all of it."""
    images = workspace.images
    words, order = asked.get("words", ""), asked.get("order", LIST_ORDERS[0])
    if len(words) > _LONGEST_WORDS:
        raise UsageError(f"words: {len(words)} characters were given, expected at most {_LONGEST_WORDS}")
    if order not in LIST_ORDERS:
        raise UsageError(f"order={order!r}: expected one of {', '.join(LIST_ORDERS)}")
    first = _number(asked.get("first", "0"), "first", _MOST_IMAGES)
    count = _number(asked.get("count", "100"), "count", _MOST_AT_ONCE)
    numbers = images.numbers(ImageChoice(asked.get("label", ""), asked.get("split", ""), words))
    values: dict[int, float] = {}
    if order == "worst":
        values, among = dict(workspace.worst.order()), set(numbers)
        numbers = [number for number in values if number in among]
    asked_for = numbers[first : first + count]
    left_out = workspace.left_out.sentences(asked.get("left_out", ""), asked_for)
    return {
        "images": [_image_values(workspace, number, values.get(number), left_out.get(number)) for number in asked_for],
        "chosen": len(numbers),
        "total": len(images),
        "complete": images.is_complete,
        "measuring": order == "worst" and workspace.worst.is_measuring,
        "problem": images.problem,
        "labels": images.labels,
        "splits": images.splits,
    }


def _image_values(workspace: Workspace, number: int, worst: float | None, left_out: str | None) -> dict[str, Any]:
    image, broken = workspace.images[number], workspace.inspection.broken.get(number)
    values: dict[str, Any] = {"image": number, "name": image.task.source, "label": image.label}
    found: dict[str, Any] = {"left_out": left_out, "worst": worst}
    try:
        found["version"] = workspace.images.version(number)
        found["broken"] = broken.message if broken and broken.version == found["version"] else None
    except (ImageError, OSError) as error:
        found["broken"] = failure_reason(error)[1]
    return values | {name: value for name, value in found.items() if value is not None}


def _number(text: str, name: str, most: int) -> int:
    return whole_number(name, number_or_text(text), 0, most)
