"""Where points of a picture lie in its output: marked points are found where the view says, whatever happens to it."""

import io
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from icsys import compress_image
from icsys.choices import FITS, RESAMPLES
from icsys.errors import ImageError
from icsys.image.view import STORED, UPRIGHT, View, drawn_on
from icsys.options import Options
from marked_points import SAVE, STORE, centres, spots, turned_file

BLACK = {"background": "#000000", "strategy": "SO"}
LESS = {"box": 0.12, "lanczos": 0.12, "skip": 0.5}  # pixels of the output; skip takes a pixel at the edge of its block


def geometries(choose):
    """Return one of each kind of resize, with random numbers."""
    sizes = [f"{choose.randint(40, 60)}x{choose.randint(40, 60)}" for _ in range(5)]
    yield {"step": choose.randint(1, 6)}
    yield {"scale": choose.uniform(0.15, 1)}
    yield from ({"size": size, "fit": fit} for size, fit in zip(sizes, FITS, strict=False))
    yield {"size": "170x150", "fit": choose.choice(FITS), "enlarge": True}
    yield {"size": "170x150", "fit": choose.choice(FITS)}  # larger than the picture, which stays small


@pytest.mark.parametrize("resample", RESAMPLES)
@pytest.mark.parametrize("name", SAVE)
def test_marked_points_are_found_where_the_view_says(name, resample):
    """All orientations, kinds of resize and fits: points of the upright and of the stored picture."""
    choose = random.Random(f"{name} {resample}")  # noqa: S311 - the same pictures every time
    for orientation in range(1, 9):
        for geometry in geometries(choose):
            options = Options(resample=resample, **geometry, **BLACK)
            on = choose.choice((UPRIGHT, STORED))
            size = choose.randint(100, 140), choose.randint(100, 140)
            middle = [(choose.uniform(0.44, 0.56) * size[0], choose.uniform(0.44, 0.56) * size[1]) for _ in range(3)]
            data = turned_file(spots(size, middle, 6), orientation, name, as_stored=on == STORED)
            stored = size if on == STORED or orientation < 5 else size[::-1]
            view = View.of(stored, orientation, options)
            found = np.asarray(Image.open(io.BytesIO(compress_image(data, options).data)).convert("RGB"))
            assert found.shape[1::-1] == view.output
            expected = view.map(np.array(middle), on)
            assert np.abs(centres(found) - expected).max() < LESS[resample], (orientation, geometry, on)


@given(
    st.sampled_from(range(1, 9)),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.lists(st.tuples(st.floats(-5, 400), st.floats(-5, 400)), min_size=1, max_size=5),
)
def test_the_map_of_a_stored_picture_is_the_turn_and_then_the_map_of_the_upright_one(orientation, stored, points):
    """The turns of points are those of Pillow's pixels."""
    view = View.of(stored, orientation, Options(scale=0.37))
    columns = np.arange(stored[0] * stored[1], dtype=np.int32).reshape(stored[1], stored[0])
    image = Image.fromarray(columns)
    back = {6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}.get(orientation, STORE[orientation])
    upright = np.asarray(image if back is None else image.transpose(back))
    assert upright.shape[::-1] == view.upright
    y, x = np.unravel_index([0, columns.size // 3, columns.size - 1], columns.shape)
    there = [np.argwhere(upright == number)[0][::-1] + 0.5 for number in columns[y, x]]
    centred = np.stack([x, y], axis=-1) + 0.5
    assert np.allclose(view.map(centred, STORED), view.map(np.array(there)), atol=1e-9)
    values = np.array(points)
    matrix = view.matrix(STORED)
    assert np.allclose(view.map(values, STORED), values @ matrix[:, :2].T + matrix[:, 2])


@pytest.mark.parametrize(
    "geometry",
    [{"step": 7}, {"scale": 0.3}, *({"size": size, "fit": fit} for size in ("31x17", "90x80") for fit in FITS)],
)
def test_the_rectangle_is_where_the_picture_is_on_a_coloured_canvas(geometry):
    """White pixels are the picture, black ones the canvas."""
    white = np.full((41, 67, 3), 255, np.uint8)
    options = Options(**geometry, **BLACK)
    found = np.asarray(Image.open(io.BytesIO(compress_image(turned_file(white, 1, "PNG"), options).data)).convert("L"))
    y, x = np.nonzero(found > 127)
    left, top, right, bottom = View.of((67, 41), 1, options).rectangle
    assert (x.min(), y.min()) == (left, top)
    assert (x.max() + 1, y.max() + 1) == (np.ceil(right), np.ceil(bottom))


@given(st.integers(1, 9), st.integers(1, 60), st.data())
def test_places_lie_in_the_block_that_holds_them(step, side, data):
    """The last block may be shorter, and fills a pixel all the same."""
    view = View.of((side, side), 1, Options(step=step))
    edges = np.array([*range(0, side, step), side])
    places = np.array([data.draw(st.floats(0, side)) for _ in range(4)])
    expected = np.interp(places, edges, np.arange(len(edges)))
    found = view.map(np.column_stack([places, places[::-1]]))
    assert found == pytest.approx(np.column_stack([expected, expected[::-1]]), abs=1e-9)


@given(st.integers(1, 9), st.integers(1, 60), st.data())
def test_edges_lie_within_half_a_pixel_of_what_skip_shows(step, side, data):
    """An output pixel shows what is right of an edge if the pixel that is taken is."""
    view = View.of((side, side), 1, Options(step=step, resample="skip"))
    edge = data.draw(st.integers(0, side))
    taken = np.arange(0, side, step)
    shown = np.count_nonzero(taken < edge)
    found = view.map(np.array([[edge, 0.0]]))[0]
    assert found[0] == pytest.approx(shown, abs=0.5)
    assert found[1] == 0
    assert view.map(np.array([[side, side]])).tolist() == [[len(taken), len(taken)]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_upright_size_is_that_of_imageops(orientation):
    data = turned_file(np.zeros((20, 30, 3), np.uint8), orientation, "PNG", as_stored=True)
    with Image.open(io.BytesIO(data)) as image:
        assert ImageOps.exif_transpose(image).size == View.of((30, 20), orientation, Options(step=1)).upright


def test_sizes_tell_which_picture_labels_were_drawn_on():
    view = View.of((40, 30), 6, Options(step=2))
    assert [drawn_on(view, size, "auto") for size in ((30, 40), (40, 30), None)] == [UPRIGHT, STORED, UPRIGHT]
    assert [drawn_on(view, None, on) for on in (UPRIGHT, STORED)] == [UPRIGHT, STORED]
    square = View.of((30, 30), 6, Options(step=2))
    assert [drawn_on(square, (30, 30), on) for on in ("auto", UPRIGHT, STORED)] == [UPRIGHT, UPRIGHT, STORED]


@pytest.mark.parametrize(
    ("stated", "on", "named"),
    [((40, 31), "auto", "30x40 or 40x30"), ((40, 30), UPRIGHT, "30x40"), ((30, 40), STORED, "40x30")],
)
def test_a_size_that_contradicts_the_picture_is_an_error_that_names_both(stated, on, named):
    with pytest.raises(ImageError, match=named) as caught:
        drawn_on(View.of((40, 30), 6, Options(step=2)), stated, on)
    assert caught.value.code == "label_size"
    assert f"{stated[0]}x{stated[1]}" in str(caught.value)
