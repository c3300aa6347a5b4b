"""Answers about one photo with chosen options."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, TypeVar

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from icsys.errors import UsageError
from icsys.options import Options
from icsys.setting_fields import whole_number
from icsys.studio.api.answers import body_of, json_answer, options_in
from icsys.studio.previews.preview import LOSSY

if TYPE_CHECKING:
    from concurrent.futures import Future

    from starlette.requests import Request

    from icsys.studio.previews.preview import ShownFile
    from icsys.studio.workspace import Workspace

_REPLACED = 409
_MOST_IMAGES = 2**31
_LONGEST_SLOT = 40

_Made = TypeVar("_Made")


def preview_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    previews = workspace.previews

    async def preview(request: Request) -> Response:
        body = await body_of(request)
        number = whole_number("image", body.get("image"), 0, _MOST_IMAGES)
        options = Options.from_dict(options_in(body))
        key, made = await _result(previews.ask(_slot(body.get("slot")), number, options))
        workspace.inspection.begin_if_small()  # now that the first photo can be seen
        name = workspace.images[number].task.source
        return json_answer({"key": key, "image": number, "name": name, **made.figures})

    async def quality(request: Request) -> Response:
        found = await _result(previews.quality(_slot(request.query_params.get("slot")), _key(request)))
        return json_answer(found)

    async def lossy(request: Request) -> Response:
        codec = request.path_params["codec"]
        if codec not in LOSSY:
            raise UsageError(f"codec={codec!r}: expected one of {', '.join(LOSSY)}")
        slot = _slot(request.query_params.get("slot"))
        key, made = await _result(previews.lossy(slot, _key(request), codec))
        return json_answer({"key": key, **made.figures})

    async def before(request: Request) -> Response:
        return _file(await _result(previews.before(_slot(request.query_params.get("slot")), _key(request))))

    async def after(request: Request) -> Response:
        return _file(previews.kept(_key(request)).preview.after)

    return [
        Route("/preview", preview, methods=["POST"]),
        Route("/preview/{key}/quality", quality),
        Route("/preview/{key}/lossy/{codec}", lossy),
        Route("/preview/{key}/before", before),
        Route("/preview/{key}/after", after),
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


async def _result(future: Future[_Made]) -> _Made:
    """Wait for a preview; a newer request of its slot ends the wait with 409."""
    try:
        return await asyncio.wrap_future(future)
    except (CancelledError, asyncio.CancelledError):
        raise HTTPException(_REPLACED, "a newer request has taken the place of this one") from None


def _file(shown: ShownFile) -> Response:
    return Response(shown.data, media_type=shown.media_type)
