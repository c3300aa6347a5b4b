"""Answers about the whole set: its cost, and what is best within a number of bytes. Figures come as news."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from icsys.run_setting_checks import ByteCount
from icsys.studio.api.answers import asked_options, body_of, json_answer
from icsys.studio.cost.frontier import AskedBudget, free_from
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
        options = await asked_options(workspace, body)
        settings = settings_from(body.get("settings"), workspace.settings)
        key = await run_in_threadpool(workspace.costs.begin, options, settings)
        return json_answer({"settings_key": key})

    async def frontier(request: Request) -> Response:
        if request.method == "DELETE":
            workspace.frontiers.cancel()
            return json_answer({})
        body = await body_of(request)
        asked = AskedBudget(
            await asked_options(workspace, body),
            settings_from(body.get("settings"), workspace.settings),
            ByteCount().accept("Budget", body.get("total_bytes")),
            free_from(body.get("free", "both")),
        )
        return json_answer({"key": workspace.frontiers.begin(asked), "total_bytes": asked.total_bytes})

    return [
        Route("/cost", cost, methods=["POST", "DELETE"]),
        Route("/frontier", frontier, methods=["POST", "DELETE"]),
    ]
