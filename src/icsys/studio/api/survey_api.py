"""Answers about many images: the inspection, and the worst ones of some options. What they find comes as news."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from icsys.studio.api.answers import asked_options, body_of, json_answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.studio.workspace import Workspace

_BEGUN = 202


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

    return [
        Route("/inspection", inspection, methods=["GET", "POST", "DELETE"]),
        Route("/worst", worst, methods=["POST"]),
    ]
