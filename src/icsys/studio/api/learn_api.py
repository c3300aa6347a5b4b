"""What a model keeps: its start, its end, and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Route

from icsys.choices import AUTO
from icsys.learning.learn_settings import LearnSettings
from icsys.options import Options
from icsys.studio.api.answers import body_of, json_answer, options_in
from icsys.studio.jobs.job import BusyError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.studio.workspace import Workspace

_BUSY = 409
_GEOMETRY = ("step", "scale", "size")


def learn_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    job = workspace.learning

    async def start(request: Request) -> Response:
        body = await body_of(request)
        settings = LearnSettings(minutes=body.get("minutes", LearnSettings().minutes))
        options = workspace.options_of(_judged(options_in(body)))
        # The size that the studio begins with is nothing that the user has chosen.
        usual = Options()
        given = any(getattr(options, name) != getattr(usual, name) for name in _GEOMETRY)
        try:
            await run_in_threadpool(job.start, options, settings, given_geometry=given)
        except BusyError as error:
            raise HTTPException(_BUSY, str(error)) from None
        return json_answer(job.latest())

    async def stop(_: Request) -> Response:
        await run_in_threadpool(job.stop)
        return json_answer(job.latest())

    async def latest(_: Request) -> Response:
        return json_answer({**job.latest(), "learned": job.learned})

    return [
        Route("/learn", start, methods=["POST"]),
        Route("/learn", stop, methods=["DELETE"]),
        Route("/learn", latest),
    ]


def _judged(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without what chooses a number of colours: each arm has its own."""
    if options.get("colors") != AUTO:
        return options
    of_auto = {name for name, field in Options.__dataclass_fields__.items() if field.metadata.get("auto")}
    return {name: value for name, value in options.items() if name != "colors" and name not in of_auto}
