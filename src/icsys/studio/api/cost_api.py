"""Answers about the whole set: what a run will cost. Figures come as news."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from icsys.studio.api.answers import body_of, json_answer, options_in
from icsys.studio.settings.run_request import settings_from

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.studio.workspace import Workspace


def cost_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""

    async def cost(request: Request) -> Response:
        if request.method == "DELETE":
            workspace.costs.cancel()
            return json_answer({})
        body = await body_of(request)
        options = workspace.options_of(options_in(body))
        settings = settings_from(body.get("settings"), workspace.settings)
        key = await run_in_threadpool(workspace.costs.begin, options, settings)
        return json_answer({"settings_key": key})

    return [Route("/cost", cost, methods=["POST", "DELETE"])]
