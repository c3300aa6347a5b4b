"""The stream of news."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.responses import StreamingResponse
from starlette.routing import Route

from icsys.studio.jobs.events import as_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from icsys.studio.workspace import Workspace

_MOST_STREAMS = 100  # each waits in a thread of its own


def event_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    limiter = anyio.CapacityLimiter(_MOST_STREAMS)

    async def news() -> AsyncIterator[bytes]:
        number = 0
        while (found := await anyio.to_thread.run_sync(workspace.events.after, number, limiter=limiter)) is not None:
            number, latest = found
            for lines in as_lines(latest):
                yield lines

    async def stream(_: Request) -> StreamingResponse:
        return StreamingResponse(news(), media_type="text/event-stream")

    return [Route("/events", stream)]
