"""Connections that cannot wear the server out: each has bounded time to send a request and to take an answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

LONGEST_REQUEST = 20.0
"""Seconds until a request must have come whole, counted from the connection or from the answer before it."""

LONGEST_STALL = 30.0
"""Seconds for which a client may take nothing of an answer."""

_REST_OF_REQUEST = 2.0  # seconds in which the rest of a request is thrown away that was answered already
_MOST_CONNECTIONS = 1500
_OTHER_FILES = 200  # that the process may have open beside connections
_LAST_ANSWERS = 2  # seconds that answers may take once the server is stopped; streams of events never end by themselves


def server_config(app: ASGIApp) -> uvicorn.Config:
    """Return how the application is served: over HTTP/1.1 alone, with bounds, and without a word on the streams."""
    room = _room()
    BoundedConnection.room = room
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=room + 2,
        timeout_graceful_shutdown=_LAST_ANSWERS,
    )


class BoundedConnection(H11Protocol):
    """A connection that ends when its client is too slow.

    If there are too many, the one whose client has kept the server waiting for longest gives way to a new one.
    """

    room = _MOST_CONNECTIONS
    """The number of connections that are held at the same time."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - as uvicorn passes them
        super().__init__(*given, **named)
        self._request: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._begun = time.monotonic()

    @property
    def is_awaited(self) -> bool:
        """Whether the client has sent no whole request that is still to be answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    @property
    def keeps_waiting(self) -> bool:
        """Whether the client has sent no whole request, or takes nothing of its answer."""
        return self.is_awaited or self._stall is not None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Begin to count the time."""
        super().connection_made(transport)
        if len(self.connections) > self.room:
            self.make_room()
        self._watch()

    def make_room(self) -> None:
        """End the connection that gives way; it is this one, as the newest, if all others are being answered."""
        waits = [one for one in self.connections if isinstance(one, BoundedConnection) and one.keeps_waiting]
        oldest = min(waits, key=lambda one: one._begun)  # noqa: SLF001 - of the same class
        self.connections.discard(oldest)  # the end of a connection is told later
        oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the times."""
        for timer in (self._request, self._stall):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it where the client has reset the connection

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; what is no HTTP behind an answer ends the connection."""
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            self.transport.abort()
            return
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request; the rest of this one may come for a moment only."""
        is_whole = not self.cycle.more_body
        super().on_response_complete()
        self._begun = time.monotonic()
        self._watch(0 if is_whole else _REST_OF_REQUEST)

    def pause_writing(self) -> None:
        """Begin to count the time in which the client takes nothing."""
        super().pause_writing()
        self._stall = self.loop.call_later(LONGEST_STALL, self.transport.abort)

    def resume_writing(self) -> None:
        """End it."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _watch(self, seconds: float = 0) -> None:
        """Keep a timer while a request is awaited."""
        if self._request is not None and (seconds or not self.is_awaited):
            self._request.cancel()
            self._request = None
        if self._request is None and self.is_awaited and not self.transport.is_closing():
            self._request = self.loop.call_later(seconds or LONGEST_REQUEST, self.transport.abort)


def _room() -> int:
    """Return how many connections the system lets this process hold; it is asked for more files if it has few."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return _MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _MOST_CONNECTIONS
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):
        most = soft
    return max(most // 2, most - _OTHER_FILES)
