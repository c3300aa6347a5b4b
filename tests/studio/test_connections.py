"""Which connection gives way to a new one."""

from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn", reason="needs the extra studio")

from icsys.studio.connections import BoundedConnection

ANSWERED = SimpleNamespace(response_complete=True, more_body=False)
AT_WORK = SimpleNamespace(response_complete=False, more_body=False)


def held(connections, begun, cycle=AT_WORK, stall=None):
    """Return a connection among others, whose end is noted as its name."""
    made = BoundedConnection.__new__(BoundedConnection)
    transport = SimpleNamespace(abort=lambda: ended.append(begun))
    vars(made).update(connections=connections, cycle=cycle, _stall=stall, _begun=begun, transport=transport)
    connections.add(made)
    return made


ended: list[int] = []


@pytest.mark.parametrize(
    ("others", "gives_way"),
    [
        ([{"cycle": None}, {"cycle": ANSWERED}, {}], 0),
        ([{}, {"cycle": ANSWERED}, {"cycle": None}], 1),
        ([{}, {"stall": object()}, {}], 1),  # it takes nothing of an answer
        ([{}, {}, {}], 9),  # all are being answered
    ],
)
def test_the_one_that_has_kept_the_server_waiting_for_longest_gives_way(others, gives_way):
    ended.clear()
    connections = set()
    for begun, one in enumerate(others):
        held(connections, begun, **one)
    held(connections, 9, cycle=None).make_room()
    assert ended == [gives_way]
    assert len(connections) == len(others)
