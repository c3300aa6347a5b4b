"""Pages whose plots are not drawn, for tests of what else stands on them."""

import pytest


@pytest.fixture
def undrawn(monkeypatch):
    """Leave plots their titles and words, and spare the drawing: it takes most of the time of a page."""

    def empty(name, draw, **_):
        assert callable(draw)
        return f'<svg id="{name}"></svg>'

    monkeypatch.setattr("icsys.report.plots.figure_svg", empty)
