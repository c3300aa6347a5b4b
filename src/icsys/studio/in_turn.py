"""Requests that take memory wait for their turn, the newest first: it is what the user looks at now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class InTurn:
    """Passes on a bounded number of requests at a time, as a layer around an application.

    A turn lasts until the client has taken the answer. A client that is gone gets none.

    Parameters
    ----------
    app
        The application.
    most
        Number of requests at a time.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._free = app, most
        self._waiting: list[asyncio.Future[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, and pass on a request without a body."""
        turn = self._ask()
        gone = asyncio.ensure_future(until_gone(receive))
        try:
            await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
            is_gone = gone.done()
            gone.cancel()
            if not is_gone:
                await self._app(scope, receive, send)
        finally:
            gone.cancel()
            self._end(turn)

    def _ask(self) -> asyncio.Future[None]:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            turn.set_result(None)
        else:
            self._waiting.append(turn)
        return turn

    def _end(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._waiting.remove(turn)
        elif self._waiting:
            self._waiting.pop().set_result(None)
        else:
            self._free += 1


async def until_gone(receive: Receive) -> None:
    """Wait until the client of a request is gone; what it sends is thrown away."""
    while (await receive())["type"] != "http.disconnect":
        pass
