"""Addresses of another service, of no service, and of one that sends nothing."""

import contextlib
import socket
import struct
import threading
import time

import pytest

from icsys import UsageError
from icsys.engine import cluster_reachable as reachable
from icsys.engine.cluster import CLUSTER_MODULES
from icsys.engine.cluster_reachable import check_reachable

SETTINGS = bytes((0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100))  # as a server of HTTP/2 begins
HELLO = struct.pack("<QQQ", 40, 1, 24) + b"\x80" * 24


@contextlib.contextmanager
def listening(talk):
    """Return the port of a server that calls ``talk`` with every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as connections:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection = connections.enter_context(server.accept()[0])
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def silent(_):
    pass


def close(connection):
    connection.close()


def ssh(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")


def web(connection):
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def drip(connection):
    """Send fewer bytes than any answer has."""
    connection.sendall(b"\0")


SCHEMES = {"dask": ("", "tcp://", "tls://", "ws://", "wss://"), "ray": ("", "ray://")}


@pytest.mark.parametrize("talk", [silent, close, ssh, drip])
@pytest.mark.parametrize(("engine", "scheme"), [(engine, one) for engine, many in SCHEMES.items() for one in many])
def test_another_service_is_refused_in_time(engine, scheme, talk, monkeypatch):
    monkeypatch.setattr(reachable, "PATIENCE", 0.5)
    with listening(talk) as port:
        address = f"{scheme}127.0.0.1:{port}"
        with pytest.raises(UsageError, match=rf"^address='{address}': no \w+ \w+ answers there \(.+\)$"):
            check_reachable(engine, address)


@pytest.mark.parametrize("engine", CLUSTER_MODULES)
def test_a_web_server_is_no_cluster(engine, monkeypatch):
    monkeypatch.setattr(reachable, "PATIENCE", 0.5)
    with listening(web) as port, pytest.raises(UsageError, match="answers there"):
        check_reachable(engine, f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("engine", "scheme", "answer"),
    [("dask", "tcp://", HELLO), ("dask", "", HELLO), ("ray", "", SETTINGS), ("ray", "ray://", SETTINGS)],
)
@pytest.mark.parametrize("pause", [0, 0.02])
def test_a_cluster_is_recognised_however_its_bytes_arrive(engine, scheme, answer, pause):
    def talk(connection):
        for byte in answer if pause else [answer]:
            connection.sendall(bytes([byte]) if pause else byte)
            time.sleep(pause)

    with listening(talk) as port:
        check_reachable(engine, f"{scheme}127.0.0.1:{port}")


@pytest.mark.parametrize("engine", CLUSTER_MODULES)
@pytest.mark.parametrize(
    "word", ["nonsense", "", " ", "foo://host:1", "host:", "host:x", "[::1]", "a b:1", "h:1:2", "é"]
)
def test_a_malformed_address_is_refused_at_once(engine, word, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", None)
    with pytest.raises(UsageError, match=r"expected that of a .*HOST:PORT"):
        check_reachable(engine, word)


@pytest.mark.parametrize("engine", CLUSTER_MODULES)
@pytest.mark.parametrize("place", ["127.0.0.1:1", "[::1]:1", "127.0.0.1:99999", f"{'a' * 300}:1", "no.invalid:1"])
def test_an_unreachable_address_is_refused(engine, place):
    with pytest.raises(UsageError, match="answers there"):
        check_reachable(engine, place)


def test_an_endless_look_up_of_a_name_is_not_waited_for(monkeypatch):
    ended = threading.Event()

    def look_for(*_, **__):
        ended.wait(60)
        raise TimeoutError

    monkeypatch.setattr(reachable, "PATIENCE", 0.2)
    monkeypatch.setattr(socket, "create_connection", look_for)
    with pytest.raises(UsageError, match="it does not answer"):
        check_reachable("dask", "host:1")
    ended.set()


@pytest.mark.parametrize("word", ["auto", "local"])
def test_ray_finds_its_own_cluster(word, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", None)
    check_reachable("ray", word)
