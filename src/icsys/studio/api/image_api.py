"""Answers about the images of the source: the list, thumbnails, and single photos as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from icsys.errors import ImageError, UsageError
from icsys.setting_fields import number_or_text, whole_number
from icsys.studio.api.answers import json_answer
from icsys.studio.images.image_list import ImageChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from icsys.studio.workspace import Workspace

ORDERS = ("name", "worst")
"""Orders of the list: as in the source, or the worst ones of a sample under the options given last."""

_MOST_AT_ONCE = 1000
_MOST_IMAGES = 2**31
_NO_CONTENT = 204
_LONGEST_WORDS = 200


def image_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    images = workspace.images
    limiter = anyio.CapacityLimiter(workspace.threads)  # requests for pictures wait for one another here

    async def listed(request: Request) -> Response:
        asked = request.query_params
        words = asked.get("words", "")
        if len(words) > _LONGEST_WORDS:
            raise UsageError(f"words: {len(words)} characters were given, expected at most {_LONGEST_WORDS}")
        choice = ImageChoice(asked.get("label", ""), asked.get("split", ""), words)
        first = _number(asked.get("first", "0"), "first", _MOST_IMAGES)
        count = _number(asked.get("count", "100"), "count", _MOST_AT_ONCE)
        order = asked.get("order", ORDERS[0])
        if order not in ORDERS:
            raise UsageError(f"order={order!r}: expected one of {', '.join(ORDERS)}")
        numbers = await run_in_threadpool(images.numbers, choice)
        values = dict(workspace.worst.order()) if order == "worst" else {}
        if order == "worst":
            among = set(numbers)
            numbers = [number for number in values if number in among]
        return json_answer(
            {
                "images": [image_values(number, values) for number in numbers[first : first + count]],
                "chosen": len(numbers),
                "total": len(images),
                "complete": images.is_complete,
                "problem": images.problem,
                "labels": images.labels,
                "splits": images.splits,
            }
        )

    def image_values(number: int, values: Mapping[int, float]) -> dict[str, Any]:
        image, broken = images[number], workspace.inspection.broken.get(number)
        found: dict[str, Any] = {"image": number, "name": image.task.source, "label": image.label}
        return found | ({"broken": broken} if broken else {}) | ({"worst": values[number]} if number in values else {})

    async def picture(request: Request, make: Callable[[int], bytes]) -> Response:
        number = _number(request.path_params["image"], "image", _MOST_IMAGES)
        data = await anyio.to_thread.run_sync(make, number, limiter=limiter)
        # The number of an image stays the same while the server runs.
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

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
        Route("/images", listed),
        Route("/images/{image}/thumbnail", thumbnail),
        Route("/images/{image}/original", original),
    ]


def _number(text: str, name: str, most: int) -> int:
    return whole_number(name, number_or_text(text), 0, most)
