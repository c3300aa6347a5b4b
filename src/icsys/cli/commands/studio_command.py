"""``ics studio``: serves the page, prints its address, and opens it."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Any

from icsys.cli.commands.studio_arguments import STUDIO_HOST
from icsys.cli.given_places import DESTINATION, check_source
from icsys.cli.signals import leave
from icsys.errors import MissingExtraError, UsageError
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.setting_fields import whole_number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterator

    from icsys.files.locations import Location
    from icsys.records.config.request import Request

_HIGHEST_PORT = 65535
_REACHED_BY_OTHERS = (
    "ics studio: other machines can reach this address, and the connection is not encrypted: who sees it sees the "
    "token. A tunnel is safer: ssh -L 8888:127.0.0.1:8888 SERVER, and --port 8888 without --host there."
)


def run_studio(arguments: argparse.Namespace) -> int:
    """Serve the page for a source until Ctrl-C, and return the exit code."""
    port = whole_number("port", arguments.port, 0, _HIGHEST_PORT)
    source, _ = check_source(arguments.source, DESTINATION, "studio SRC")
    return _serve(source, DESTINATION, (None, ()), host=arguments.host, port=port, browser=arguments.browser)


def open_studio(source: Location, destination: str, request: Request, decided: Collection[str]) -> int:
    """Serve the page with the options of a run instead of running, and return the exit code.

    Parameters
    ----------
    decided
        The names of the options that the user decides.
    """
    asked = request, tuple(decided)
    return _serve(*check_source(source, destination), asked, host=STUDIO_HOST, port=0, browser=True)


def _serve(
    source: Location,
    destination: str,
    asked: tuple[Request | None, tuple[str, ...]],
    **where: Any,  # noqa: ANN401 - as serve takes
) -> int:
    serve, workspace_of = _load()
    if not isinstance(source, str):
        raise UsageError("several files were given: expected one folder or archive for the studio")
    if not source:
        raise UsageError("source '' names no folder: expected a path, or . for the current folder")
    request, kept = asked
    options, settings = (Options(), RunSettings()) if request is None else request[:2]
    browser = where.pop("browser")

    def ready(address: str, address_once: str) -> None:
        print(address, flush=True)
        if not _is_loopback(where["host"]):
            print(_REACHED_BY_OTHERS, file=sys.stderr)
        if browser:
            # Some browsers answer only once they are closed.
            threading.Thread(target=webbrowser.open, args=(address_once,), daemon=True).start()

    try:
        with _ended_by_signals():
            serve(workspace_of(source, destination, options, settings, kept), on_ready=ready, **where)
    except KeyboardInterrupt:  # how the studio is closed
        leave(
            0
        )  # Python would wait for threads in the middle of a slow image, and one more Ctrl-C would show meanwhile
    return 0


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the studio in order, as Ctrl-C does."""
    before: dict[int, Any] = {}
    closed = getattr(signal, "SIGHUP", None)
    if threading.current_thread() is threading.main_thread():  # Python delivers signals to the main thread only
        before[signal.SIGTERM] = signal.signal(signal.SIGTERM, signal.default_int_handler)
        # The server does not know this signal. A parent process such as nohup may have disabled it.
        if closed is not None and signal.getsignal(closed) is not signal.SIG_IGN:
            before[closed] = signal.signal(closed, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return host.casefold() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _load() -> tuple[Any, Any]:
    try:
        from icsys.studio.serve import serve_studio  # noqa: PLC0415 - needs an extra
        from icsys.studio.workspace import Workspace  # noqa: PLC0415
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"starlette", "uvicorn", "anyio", "h11"}:
            raise
        raise MissingExtraError("ics studio needs Starlette and uvicorn: pip install 'icsys[studio]'") from None
    return serve_studio, Workspace
