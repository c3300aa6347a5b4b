"""Answers about many images: the inspection, the worst ones, and what a run leaves out. More comes as news."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from icsys.setting_fields import number_or_text, whole_number
from icsys.studio.api.answers import asked_options, body_of, json_answer
from icsys.studio.settings.run_request import settings_from

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.studio.workspace import Workspace

_BEGUN = 202
_MOST_IMAGES = 2**31


def survey_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""

    async def inspection(request: Request) -> Response:
        if request.method == "POST":
            workspace.inspection.begin()
            return json_answer({"state": "running"}, _BEGUN)
        if request.method == "DELETE":
            workspace.inspection.cancel()
        return json_answer(workspace.events.latest("inspection") or {"state": "none"})

    async def worst(request: Request) -> Response:
        options = await asked_options(workspace, await body_of(request))
        await run_in_threadpool(workspace.worst.begin, options)
        return json_answer({"measure": "delta_e"}, _BEGUN)

    async def left_out(request: Request) -> Response:
        body = await body_of(request)
        settings = settings_from(body.get("settings"), workspace.settings)
        key = await run_in_threadpool(workspace.left_out.begin, settings)
        return json_answer({"key": key, "about": workspace.left_out.about(key)})

    async def why(request: Request) -> Response:
        number = whole_number("image", number_or_text(request.path_params["image"]), 0, _MOST_IMAGES)
        found = await run_in_threadpool(workspace.left_out.sentence, request.path_params["key"], number)
        return json_answer({"left_out": found or "", "is_known": found is not None})

    return [
        Route("/inspection", inspection, methods=["GET", "POST", "DELETE"]),
        Route("/left-out", left_out, methods=["POST"]),
        Route("/left-out/{key}/{image}", why),
        Route("/worst", worst, methods=["POST"]),
    ]
