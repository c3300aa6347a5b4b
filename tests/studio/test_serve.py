"""Where the studio listens, and what its address names."""

import contextlib
import socket
from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn", reason="needs the extra studio")

from icsys.errors import UsageError
from icsys.studio.serve import listen_at, printed_host, serve_studio

ANY = "0.0.0.0"  # noqa: S104 - an address that is not printed


@pytest.mark.parametrize(
    ("host", "named"), [("127.0.0.1", {"127.0.0.1"}), (ANY, {ANY}), ("0", {ANY}), ("LocalHost", {"127.0.0.1", "::1"})]
)
def test_the_address_names_the_interface_and_never_localhost(host, named):
    with contextlib.closing(listen_at(host, 0)) as listener:
        assert printed_host(host, listener) in named


def test_a_port_is_shared_with_no_other_program():
    with contextlib.closing(listen_at("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for option in (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)):
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError, match=r"."):
                    _listen(other, port)


def _listen(one, port):
    one.bind(("127.0.0.1", port))
    one.listen()


def test_a_server_that_cannot_listen_closes_what_it_would_serve():
    closed = []
    workspace = SimpleNamespace(close=lambda: closed.append(True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="another port"):
            serve_studio(workspace, "127.0.0.1", port, lambda *_: None)
    assert closed == [True]
