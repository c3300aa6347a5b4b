"""Serves the studio until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

from icsys.errors import UsageError
from icsys.studio.app import studio_app
from icsys.studio.connections import server_config
from icsys.studio.guard import Access, Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.studio.workspace import Workspace

_BACKLOG = 1024
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _LARGE_BLOCK = -3, -1, 2**20  # glibc: mallopt(3), and bytes
_LOOK = 0.05  # seconds between two looks at whether all work has ended


def serve_studio(workspace: Workspace, host: str, port: int, on_ready: Callable[[str, str], object]) -> None:
    """Answer requests until Ctrl-C or SIGTERM.

    Parameters
    ----------
    workspace
        What the page works on; it is closed at the end.
    host
        The address to listen on.
    port
        The port; 0 for a free one.
    on_ready
        Called once the server answers, with the address, token included, and with one that lets in a single time:
        what starts a browser shows it to all users of the machine.

    Raises
    ------
    UsageError
        If the address or the port is not to be had.
    KeyboardInterrupt
        At the end, after Ctrl-C.
    """
    _return_large_blocks()
    server: _Server | None = None
    try:
        with contextlib.closing(listen_at(host, port)) as listener:
            access = Access(printed_host(host, listener), listener.getsockname()[1])
            config = server_config(Guard(studio_app(workspace), access))
            server = _Server(config, lambda: on_ready(access.address, access.address_once()), workspace)
            server.run([listener])
    finally:
        if server is None or not server.force_exit:  # a second Ctrl-C waits for no work
            workspace.close()


class _Server(uvicorn.Server):
    """A server that says when it answers, and lets the work of the workspace end in order."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object], workspace: Workspace) -> None:
        super().__init__(config)
        self._on_ready, self._workspace = on_ready, workspace

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._workspace.stop()
        await super().shutdown(sockets)
        # Here a signal is noted only, so that the first one lets the work end: SIGTERM would end the process elsewhere.
        closing = threading.Thread(target=self._workspace.close, name="icsys close", daemon=True)
        closing.start()
        while closing.is_alive() and not self.force_exit:  # noqa: ASYNC110 - a signal sets it
            await asyncio.sleep(_LOOK)


def _return_large_blocks() -> None:
    """Have glibc return freed pixels to the system: threads that decode would otherwise hold hundreds of megabytes."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # other systems have no such function
        for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            ctypes.CDLL(None).mallopt(parameter, _LARGE_BLOCK)


def listen_at(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address and a port, 0 for a free one; UsageError if they are not to be had."""
    try:
        found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"host={host!r} is no address of this machine: {error.strerror or error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, *_own_port())
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"host={host!r} is no address of this machine: {error.strerror or error}") from None
        raise UsageError(
            f"cannot listen on {host!r} at port {port}: {error.strerror or error}; name another port, or 0 for a "
            "free one"
        ) from None
    return listener


def _own_port() -> tuple[int, int]:
    """Return the option by which a port is had at once after an earlier server, and is shared with no other program."""
    # On Windows, the option of other systems would let a second program take the port over.
    exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
    return (socket.SO_REUSEADDR if exclusive is None else exclusive), 1


def printed_host(host: str, listener: socket.socket) -> str:
    """Return what the printed address calls the server: never ``localhost``.

    Behind that name, browsers try both loopback addresses. A program of another user may listen at the other one, and
    would get the token.
    """
    bound = str(listener.getsockname()[0])
    is_known = host.casefold() == "localhost" or ipaddress.ip_address(bound.partition("%")[0]).is_unspecified
    return bound if is_known else host
