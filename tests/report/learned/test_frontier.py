"""The plots of what was learned: places, lines, shapes and words."""

import contextlib
import re
from xml.etree import ElementTree as ET

import matplotlib.figure
import pytest
from matplotlib.colors import to_hex

from icsys.report.learned.frontier import joined_arms, learned_plots
from icsys.report.learned.words import reference_of
from learned_examples import HOSTILE, ROWS, arm_result, learned_example, nothing_recommended, odd_examples

LIKE_THE_USUAL = {"usual", "reference recommended", "enough images", "sample"}
SHAPES = {"reference": "s", "keeps": "o", "unclear": "D", "loses": "v"}


@contextlib.contextmanager
def noted_axes():
    """Yield a list of the axes that Matplotlib saves, in order."""
    axes, save = [], matplotlib.figure.Figure.savefig

    def noting(figure, *values, **settings):
        axes.extend(figure.axes)
        return save(figure, *values, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib.figure.Figure, "savefig", noting)
        yield axes


@pytest.fixture(scope="module")
def usual():
    """The axes and the plots of the usual result."""
    with noted_axes() as axes:
        plots = learned_plots(learned_example())
    return axes, plots


def points_of(axes):
    """Return the points of a plot: place and shape, without bars, lines and the reference."""
    return [
        (line.get_xdata()[0], line.get_ydata()[0], line.get_marker())
        for line in axes.lines
        if line.get_linestyle() == "None"
    ]


def test_each_arm_stands_at_its_bytes_and_accuracy_in_the_shape_of_its_verdict(usual):
    drawn, _ = usual
    expected = [
        (size * (328 if name.startswith("fewer") else 1905) / 1905 / 1e3, accuracy, SHAPES[verdict])
        for name, _, _, _, _, size, accuracy, *_, verdict, _ in ROWS
    ]
    assert drawn[0].get_xscale() == "log"
    found = points_of(drawn[0])
    assert [shape for *_, shape in found] == [shape for *_, shape in expected]
    for (x, y, _), (size, accuracy, _) in zip(found, expected, strict=True):
        assert (x, y) == pytest.approx((size, accuracy))


def test_bars_are_the_intervals_around_the_accuracy_in_full():
    with noted_axes() as drawn:
        learned_plots(nothing_recommended())
    bars = [
        tuple(line.get_ydata())
        for line in drawn[0].lines
        if len(line.get_xdata()) == 2 and line.get_xdata()[0] == line.get_xdata()[1]
    ]
    assert bars == [pytest.approx((83.1 - 4.1, 83.1 + 3.7)), pytest.approx((83.1 - 5.0, 83.1 + 0.6))]
    assert [tuple(line.get_ydata()) for line in drawn[0].lines[:2]] == [
        (83.1, 83.1),
        pytest.approx((83.1 - 0.831, 83.1 - 0.831)),
    ]


def test_differences_stand_in_the_order_of_the_table_and_far_ones_at_the_edge(usual):
    drawn, _ = usual
    rows = [row for row in ROWS if row[0] != "full"]
    found = points_of(drawn[1])
    assert [label.get_text() for label in drawn[1].get_yticklabels()] == [row[0] for row in rows]
    for place, ((x, y, shape), row) in enumerate(zip(found, rows, strict=True)):
        difference = row[6] - 83.1
        assert y == place
        assert x == pytest.approx(max(difference, -8.0))
        assert shape == (SHAPES[row[10]] if difference >= -8 else "<")
    assert [text.get_text() for text in drawn[1].texts] == [
        f"{row[6] - 83.1:.1f}" for row in rows if row[6] - 83.1 < -8
    ]


def test_no_interval_is_cut(usual):
    drawn, _ = usual
    bars = [tuple(line.get_xdata()) for line in drawn[1].lines[2:] if len(line.get_xdata()) == 2]
    assert bars == [pytest.approx((row[7], row[8])) for row in ROWS if 0 < 83.1 - row[6] < 8]
    arms = [arm_result("full"), arm_result("K16", low=-30.0), arm_result("K2")]
    with noted_axes() as drawn:
        learned_plots(learned_example(arms=arms))
    near, far = points_of(drawn[1])
    assert far[2] == "<"
    assert far[0] == -30.0 < near[0]


def test_verdicts_differ_by_shape_and_by_colour(usual):
    drawn, _ = usual
    looks = {line.get_marker(): to_hex(line.get_color()) for line in drawn[0].lines if line.get_linestyle() == "None"}
    assert set(looks) == set(SHAPES.values())
    assert len(set(looks.values())) == len(looks)


def test_lines_join_what_differs_in_one_way():
    learned = learned_example()
    lines = {line.name: [arm.name for arm in line.arms] for line in joined_arms(learned.arms, reference_of(learned))}
    assert lines == {
        "fewer colours": ["full", "K128", "K64", "K32", "K16", "K8", "K4", "K2"],
        "smaller": ["full", "32x32", "16x16"],
        "smaller, 16 colours": ["K16", "32x32 K16", "16x16 K16"],
        "WebP": ["WebP = K16", "WebP = K4"],
        "JPEG": ["JPEG = K16", "JPEG = K4"],
    }
    assert joined_arms([arm_result("full"), arm_result("WebP = K4")], arm_result("full")) == []


@pytest.mark.parametrize("name", [name for name in odd_examples() if name not in LIKE_THE_USUAL])
def test_every_result_has_plots_of_its_own_or_none(name):
    learned = odd_examples()[name]
    plots = learned_plots(learned)
    judged = [arm for arm in learned.arms if arm.accuracy is not None]
    assert len(plots) == (2 if len(judged) > 1 else 0)
    ids = []
    for plot in plots:
        root = ET.fromstring(plot.svg)  # noqa: S314 - our own
        assert not {"width", "height"} & root.attrib.keys()
        assert "currentColor" in plot.svg
        ids += re.findall(r'\bid="([^"]+)"', plot.svg)
    assert len(ids) == len(set(ids))


def test_the_same_result_is_the_same_text():
    learned = nothing_recommended()
    assert learned_plots(learned) == learned_plots(learned)


def test_words_name_every_arm_with_figures_and_verdict(usual):
    _, (accuracy, differences) = usual
    for name, _, _, _, _, size, value, low, high, _, verdict, _ in ROWS:
        words = {"keeps": "keeps 99 %", "loses": "loses more", "unclear": "cannot tell", "reference": "reference"}
        shown = size / 1e3 * (328 / 1905 if name.startswith("fewer") else 1)
        assert f"{name}: {shown:.2f} kB, {value} %, {words[verdict]}" in accuracy.words
        if verdict != "reference":
            assert f"{name}: {value - 83.1:.1f} points [{low:+.1f}, {high:+.1f}], {words[verdict]}" in differences.words


def test_a_name_that_is_markup_is_text():
    for plot in learned_plots(odd_examples()["hostile"]):
        assert "<script>" not in plot.svg
        assert HOSTILE not in plot.words
