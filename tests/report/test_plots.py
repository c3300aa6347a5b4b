"""Plots as a page holds them."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from helpers import synthetic_photo
from icsys import Options, compare_folder
from icsys.report.example_images import shown_names
from icsys.report.humanize import bytes_text
from icsys.report.plots import comparison_plots, histogram, label_points, size_plot


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    for seed in range(3):
        Image.fromarray(synthetic_photo(seed=seed)).save(folder / f"{seed}.png")
    return compare_folder(folder, Options(step=2), colors=[4, 8], jobs=1)


def draw(comparison):
    return comparison_plots(comparison, shown_names(comparison.candidates))


@pytest.fixture(scope="module")
def drawn(comparison):
    return draw(comparison)


def test_each_is_an_svg_element_of_any_width_and_has_words(drawn):
    assert [plot.title for plot in drawn] == [
        "Quality and bytes",
        "Run time and compression factor",
        "Quality and the number of colours",
        "Size before and after",
        "Quality of each image",
    ]
    for plot in drawn:
        root = ET.fromstring(plot.svg)  # noqa: S314 - our own
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "viewBox" in root.attrib
        assert not {"width", "height"} & root.attrib.keys()
        assert plot.words


def test_words_give_the_figures_of_every_candidate(comparison, drawn):
    price, time, quality, size, images = drawn
    for row in comparison.rows:
        assert f"{row.name}: {row.seconds:.2f} s, {row.factor:.1f} times smaller" in time.words
        if row.name != "SO":
            assert f"{row.name}: {row.bytes_out / 3000:.2f} kB an image, SSIM {row.ssim:.4f}" in price.words
    for row in comparison.reduced():
        assert f"{row.name}: SSIM {row.ssim:.4f}" in quality.words
    assert f"sources {bytes_text(comparison.rows[0].bytes_in)}" in size.words
    assert "MKM 4: " in images.words


@pytest.mark.usefixtures("undrawn")
def test_the_number_of_colours_has_a_plot_only_where_it_differs(tmp_path):
    Image.fromarray(synthetic_photo()).save(tmp_path / "a.png")
    one = compare_folder(tmp_path, Options(step=2), colors=[4], strategies=["MKM"], lossy=False)
    assert "Quality and the number of colours" not in {plot.title for plot in draw(one)}


def test_the_same_plot_is_the_same_text_and_names_are_its_own(comparison, drawn):
    first, again = drawn, draw(comparison)
    assert first == again
    names = [re.findall(r'\bid="([^"]+)"', plot.svg) for plot in first]
    assert sum(map(len, names)) == len({name for some in names for name in some})
    for plot, own in zip(first, names, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', plot.svg)) <= set(own)


def test_text_and_axes_take_the_colour_of_the_page(drawn):
    for plot in drawn:
        assert "currentColor" in plot.svg
        assert "#010203" not in plot.svg
        assert "#000000" not in plot.svg


def test_a_histogram_counts_and_shows_its_range():
    plot = histogram("Colours of each image", "colours", [3, 3, 3, 9], whole=True)
    assert plot.words == "colours: from 3 to 9, half of the images above 3"
    bars = re.findall(r'<g id="[^"]*patch_\d+">\s*<path d="([^"]+)"', plot.svg)
    assert len(bars) >= 7
    assert histogram("One", "x", [5.0]).svg.startswith("<svg")


def test_sizes_of_many_candidates_make_a_higher_plot():
    def height(count):
        svg = size_plot([("sources", 10**8), *((f"MKM {k}", 10**6 * k) for k in range(1, count))]).svg
        return float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', svg)[1])

    assert height(20) > 2 * height(3)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
@settings(max_examples=10, deadline=None)
def test_labels_cover_neither_each_other_nor_points(points):
    figure = Figure(figsize=(4.6, 3.3))
    axes = figure.subplots()
    axes.plot(*zip(*points, strict=True), "o")
    axes.margins(0.14)
    label_points(figure, axes, [(f"q {i}", x, y) for i, (x, y) in enumerate(points)])
    boxes = [label.get_window_extent() for label in axes.texts]
    assert boxes or len(points) > 1
    for place, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:place])
        assert not any(box.contains(*axes.transData.transform(point)) for point in points)
