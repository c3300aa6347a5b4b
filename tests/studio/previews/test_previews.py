"""Previews at the same time: how many, by the memory that they take."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from icsys.options import Options
from icsys.studio.previews import previews
from icsys.studio.previews.preview import Preview, ShownFile
from icsys.studio.previews.previews import Previews


@pytest.mark.parametrize(("side", "most"), [(100, 3), (4000, 1)])
def test_large_photos_are_worked_on_one_at_a_time(monkeypatch, side, most):
    pixels = np.broadcast_to(np.uint8(0), (side, side, 3))  # which takes no memory
    photos = SimpleNamespace(
        version=lambda _: "1",
        file=lambda *_: (b"", "1"),
        photo=lambda *_: SimpleNamespace(photo=SimpleNamespace(pixels=pixels)),
    )
    shared = SimpleNamespace(
        of=lambda _, options: SimpleNamespace(options=options, palette=None, note="", mark="", progress=None)
    )
    at_work, seen, changed = [], [], threading.Condition()

    def make(*_):
        with changed:
            at_work.append(1)
            seen.append(len(at_work))
            changed.notify_all()
            changed.wait_for(lambda: max(seen) >= most, 10)
            changed.wait(0.05)  # time for one more that must not begin
            at_work.pop()
        return Preview({}, ShownFile(b"", "image/png"), b"")

    monkeypatch.setattr(previews, "check_pixels", lambda *_: None)
    monkeypatch.setattr(previews, "make_preview", make)
    made = Previews(photos, shared, 3)
    for future in [made.ask(f"view-{colors}", 0, Options(colors=colors)) for colors in range(2, 5)]:
        future.result(20)
    made.close()
    assert max(seen) == most
