"""Answers about the whole set: what a run will cost. Figures come as news."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from icsys.errors import UsageError
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.api.answers import body_of, json_answer

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
        options = Options.from_dict(_table_in(body, "options"))
        settings = RunSettings(**_table_in(body, "settings")) if "settings" in body else workspace.settings
        key = await run_in_threadpool(workspace.costs.begin, options, settings)
        return json_answer({"settings_key": key})

    return [Route("/cost", cost, methods=["POST", "DELETE"])]


def _table_in(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    if not isinstance(found, dict):
        raise UsageError(f"{name}={found!r}: expected an object with values by name")
    return found
