"""Answers about one photo with chosen options."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from icsys.errors import UsageError
from icsys.setting_fields import whole_number
from icsys.studio.api.answers import asked_options, body_of, json_answer, picture_answer
from icsys.studio.in_turn import InTurn, until_gone
from icsys.studio.previews.preview import LOSSY

if TYPE_CHECKING:
    from concurrent.futures import Future

    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.studio.previews.preview import ShownFile
    from icsys.studio.workspace import Workspace

_REPLACED = 409
_MOST_IMAGES = 2**31
_LONGEST_SLOT = 40
_MOST_PICTURES = 4  # of each kind that are sent at a time

_Made = TypeVar("_Made")


def preview_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    previews = workspace.previews

    async def preview(request: Request) -> Response:
        body = await body_of(request)
        number = whole_number("image", body.get("image"), 0, _MOST_IMAGES)
        options = await asked_options(workspace, body)
        request.state.photo = workspace.images[number].task.source
        try:
            key, made = await _result(request, previews.ask(_slot(body.get("slot")), number, options))
        finally:
            workspace.inspection.begin_if_small()  # now that the first photo is seen, or what is wrong with it
        return json_answer({"key": key, "image": number, "name": request.state.photo, **made.figures})

    async def quality(request: Request) -> Response:
        found = await _result(request, previews.quality(_slot(request.query_params.get("slot")), _key(request)))
        return json_answer(found)

    async def lossy(request: Request) -> Response:
        codec = request.path_params["codec"]
        if codec not in LOSSY:
            raise UsageError(f"codec={codec!r}: expected one of {', '.join(LOSSY)}")
        slot = _slot(request.query_params.get("slot"))
        key, made = await _result(request, previews.lossy(slot, _key(request), codec))
        return json_answer({"key": key, **made.figures})

    async def before(request: Request) -> Response:
        return _file(await _result(request, previews.before(_slot(request.query_params.get("slot")), _key(request))))

    async def after(request: Request) -> Response:
        return _file(previews.kept(_key(request)).preview.after)

    return [
        Route("/preview", preview, methods=["POST"]),
        Route("/preview/{key}/quality", quality),
        Route("/preview/{key}/lossy/{codec}", lossy),
        Route("/preview/{key}/before", before, middleware=[Middleware(InTurn, most=_MOST_PICTURES)]),
        Route("/preview/{key}/after", after, middleware=[Middleware(InTurn, most=_MOST_PICTURES)]),
    ]


def _slot(given: object) -> str:
    """Return the part of the page that asks: a newer request of it takes the place of an older one."""
    if given is None:
        return "main"
    if not isinstance(given, str) or len(given) > _LONGEST_SLOT:
        raise UsageError(f"slot={given!r}: expected a text of at most {_LONGEST_SLOT} characters")
    return given


def _key(request: Request) -> str:
    return str(request.path_params["key"])


async def _result(request: Request, future: Future[_Made]) -> _Made:
    """Wait for a preview; a newer request of its slot ends the wait with 409. A client that is gone cancels it."""
    made, gone = asyncio.wrap_future(future), asyncio.ensure_future(until_gone(request.receive))
    both: list[asyncio.Future[Any]] = [made, gone]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not made.done():
            raise ClientDisconnect
        if made.cancelled():
            raise HTTPException(_REPLACED, "a newer request has taken the place of this one")
        return made.result()
    finally:
        gone.cancel()
        made.cancel()


def _file(shown: ShownFile) -> Response:
    return picture_answer(shown.data, shown.media_type)
