"""Rare colours: colours that are kept stand exactly, and weights give rare colours more of the palette."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers import image_bytes, synthetic_photo
from icsys import Options, UsageError, compress_image, quantize

STRATEGIES = ("MKM", "FKM", "MBKM")
BLACK_AND_WHITE = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)


def with_light(seed=0):
    """Return a grey picture with a red light, shape (60, 80, 3), and where the light is."""
    random = np.random.default_rng(seed)
    grey = synthetic_photo(60, 80, seed=seed, channels=1).reshape(60, 80, 1).repeat(3, axis=2).astype(float)
    picture = np.clip(np.rint(grey + random.normal(0, 2, grey.shape)), 0, 255).astype(np.uint8)
    y, x = np.mgrid[:60, :80]
    light = (x - 50) ** 2 + (y - 20) ** 2 <= 2
    picture[light] = 230, 25, 30
    return picture, light


def hex_of(colors):
    return ",".join("#{:02x}{:02x}{:02x}".format(*color) for color in colors)


def distances(pixels, palette):
    """Return the squared distance of every pixel to every entry, by brute force."""
    return np.square(pixels.reshape(-1, 1, 3).astype(int) - palette).sum(axis=2)


def constrained_lloyd(pixels, centers, n_fixed, iterations=60):
    """Return the mean error after Lloyd's iteration in which the first centres stay in place."""
    points, centers = pixels.reshape(-1, 3).astype(float), centers.astype(float)
    for _ in range(iterations):
        labels = np.square(points[:, None] - centers).sum(axis=2).argmin(axis=1)
        for label in range(n_fixed, len(centers)):
            if (labels == label).any():
                centers[label] = points[labels == label].mean(axis=0)
    return np.square(points[:, None] - np.rint(centers)).sum(axis=2).min(axis=1).mean()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_light_among_grey_keeps_its_colour(strategy):
    picture, light = with_light()
    plain = quantize(picture, 32, strategy=strategy)
    few = quantize(picture, 32, strategy=strategy, keep_colors="#e6191e")
    assert (few.to_array()[light] == (230, 25, 30)).all()
    assert len(few.palette) == 32
    assert few.mse <= 1.02 * plain.mse


@pytest.mark.parametrize("channels", [1, 3])
def test_a_white_page_stays_white(channels):
    page = np.full((40, 60), 253, np.uint8)
    page[::7] = 30
    page[:, ::5] -= 6
    page = page if channels == 1 else np.repeat(page[..., None], 3, axis=2)
    assert quantize(page, 2).palette.max() < 255
    assert quantize(page, 2, keep_colors="#ffffff,#000000").palette.tolist() == [[0] * 3, [255] * 3]


@given(
    arrays(np.uint8, (6, 7, 3)),
    st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=4, unique=True),
    st.integers(4, 12),
)
def test_kept_colours_stand_exactly_where_a_pixel_is_nearest(picture, kept, colors):
    few = quantize(picture, colors, keep_colors=hex_of(kept))
    assert len(few.palette) <= colors
    assert len(np.unique(few.palette, axis=0)) == len(few.palette)
    errors = distances(picture, few.palette)
    np.testing.assert_array_equal(errors[np.arange(42), few.indices.reshape(-1)], errors.min(axis=1))
    assert few.mse == pytest.approx(errors.min(axis=1).mean())
    missing = [color for color in kept if not (few.palette == color).all(axis=1).any()]
    for color in missing:
        # Its place went to other colours, or it would have no pixel.
        assert len(few.palette) == colors or (distances(picture, [color])[:, 0] >= errors.min(axis=1)).all()


@functools.cache
def best_of_three(colors):
    """Return a photo, and the least error of constrained Lloyd iterations from three starts."""
    photo = synthetic_photo(48, 64, seed=3)
    random = np.random.default_rng(0)
    best = np.inf
    for _ in range(3):
        start = photo.reshape(-1, 3)[random.choice(48 * 64, colors - 2, replace=False)]
        best = min(best, constrained_lloyd(photo, np.concatenate([BLACK_AND_WHITE, start]), 2))
    return photo, best


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("colors", [8, 24])
def test_the_other_colours_are_as_good_as_those_of_a_constrained_lloyd_iteration(strategy, colors):
    photo, best = best_of_three(colors)
    few = quantize(photo, colors, strategy=strategy, keep_colors=hex_of(BLACK_AND_WHITE))
    assert few.mse < 1.03 * best


def test_all_colours_may_be_kept():
    picture, _ = with_light()
    kept = [[0, 0, 0], [128, 128, 128], [255, 0, 0], [255, 255, 255]]
    few = quantize(picture, 4, keep_colors=hex_of(kept))
    assert set(map(tuple, few.palette.tolist())) <= set(map(tuple, kept))
    np.testing.assert_array_equal(
        few.to_array().reshape(-1, 3), np.array(kept)[distances(picture, kept).argmin(axis=1)]
    )


def test_a_kept_colour_without_pixels_takes_no_place():
    picture, _ = with_light()
    dark = picture // 4
    few = quantize(dark, 8, keep_colors="#00ff00,#ffffff")
    np.testing.assert_array_equal(few.palette, quantize(dark, 8).palette)


def test_an_image_of_few_colours_keeps_them():
    picture = np.array([[[1, 2, 3], [250, 250, 250], [9, 9, 9]]], np.uint8)
    few = quantize(picture, 3, keep_colors="#ffffff,#000000")
    np.testing.assert_array_equal(few.to_array(), picture)


def test_grey_images_keep_greys_alone():
    grey = synthetic_photo(40, 50, seed=1, channels=1).reshape(40, 50)
    few = quantize(grey, 6, keep_colors="#000000,#ff0000,#ffffff")
    assert (few.palette == few.palette[:, :1]).all()
    assert {0, 255} <= set(few.palette[:, 0].tolist()) | {0 if grey.min() > 20 else 255}
    clear = np.dstack([grey, np.where(grey > 128, 255, 90).astype(np.uint8)])
    from icsys.pipeline import quantize_pixels  # noqa: PLC0415 - grey with alpha comes from files only

    shown = quantize_pixels(clear, Options(colors=6, alpha="keep", keep_colors="#ff0000,#ffffff")).palette
    assert (shown[:, :3] == shown[:, :1]).all()
    assert [255] * 4 in shown.tolist()


def test_kept_colours_are_opaque_beside_translucent_ones():
    photo = synthetic_photo(40, 50, seed=5)
    opacity = np.full((40, 50, 1), 255, np.uint8)
    opacity[:8], opacity[8:14] = 0, 120
    few = quantize(np.concatenate([photo, opacity], axis=2), 8, alpha="keep", keep_colors="#000000,#ffffff")
    assert [0, 0, 0, 0] in few.palette.tolist()
    assert any([level] * 3 + [255] in few.palette.tolist() for level in (0, 255))


@pytest.mark.parametrize("more", [{"space": "oklab"}, {"dither": "floyd-steinberg"}, {"effort": "best"}])
def test_other_options_keep_colours_too(more):
    picture, light = with_light()
    few = quantize(picture, 16, keep_colors="#e6191e", **more)
    assert (few.to_array()[light] == (230, 25, 30)).mean() > 0.5
    assert len(few.palette) <= 16


def test_auto_finds_the_fewest_colours_beside_the_kept():
    picture, light = with_light()
    few = quantize(picture, "auto", min_psnr=30, keep_colors="#e6191e,#000000,#ffffff")
    assert few.measured.met
    assert (few.to_array()[light] == (230, 25, 30)).all()
    many = quantize(picture, "auto", min_psnr=1, keep_colors="#e6191e,#000000,#ffffff")
    assert len(many.palette) <= 3


def naive_weights(picture, power):
    """Return the weight of every pixel: n to the power, divided by n, for the n pixels of its cell of 16 levels."""
    cells = [tuple(pixel) for pixel in (picture.reshape(-1, 3) // 16).tolist()]
    counts = {cell: cells.count(cell) for cell in set(cells)}
    return np.array([counts[cell] ** (power - 1) for cell in cells])


@pytest.mark.parametrize(("strategy", "most"), [("MKM", 1.02), ("FKM", 1.05), ("MBKM", 1.15)])
@pytest.mark.parametrize("power", [0.5, 0.1])
def test_a_power_lowers_the_error_that_it_weighs(strategy, most, power):
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import

    picture, _ = with_light()
    picture[:30] = picture[:30] // 8 + 100  # half of it in few cells
    weights = naive_weights(picture, power)
    few, plain = (quantize(picture, 8, strategy=strategy, count_power=one) for one in (power, 1))
    errors = [distances(picture, one.palette).min(axis=1) for one in (few, plain)]
    fitted = KMeans(8, n_init=10, random_state=0).fit(picture.reshape(-1, 3).astype(float), sample_weight=weights)
    assert errors[0] @ weights < most * fitted.inertia_
    assert errors[0] @ weights < errors[1] @ weights
    assert few.mse == pytest.approx(errors[0].mean())


def test_a_power_gives_a_rare_colour_an_entry():
    picture, light = with_light()
    kept = quantize(picture, 8, count_power=0.25).to_array()[light].astype(int)
    plain = quantize(picture, 8).to_array()[light].astype(int)
    off = [np.abs(shown - (230, 25, 30)).max() for shown in (kept, plain)]
    assert off[0] < 10 < off[1]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_power_of_one_changes_nothing_and_another_works_for_all_channels(channels):
    picture = synthetic_photo(30, 40, seed=4, channels=channels).reshape(30, 40, channels)
    picture = picture[..., 0] if channels == 1 else picture
    usual = quantize(picture, 5, alpha="keep")
    same, other = (quantize(picture, 5, alpha="keep", count_power=power) for power in (1, 0.5))
    np.testing.assert_array_equal(same.palette, usual.palette)
    np.testing.assert_array_equal(same.indices, usual.indices)
    assert len(other.palette) == 5
    assert other.palette.tolist() != usual.palette.tolist()
    assert other.mse >= usual.mse


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"keep_colors": "white"}, "'white' is no colour; expected distinct colours as #RRGGBB"),
        ({"keep_colors": "#fff"}, "'#fff' is no colour"),
        ({"keep_colors": ""}, "'' is no colour"),
        ({"keep_colors": ["#ffffff", 7]}, "7 is no colour"),
        ({"keep_colors": 7}, "expected distinct colours"),
        ({"keep_colors": "#FFFFFF,#ffffff"}, "#ffffff stands there twice"),
        ({"keep_colors": "#000000,#ffffff", "colors": 1}, "expected fewer colours to keep, or colors of at least 2"),
        ({"keep_colors": "#000000", "strategy": "SO"}, "does nothing for strategy='SO'"),
        ({"count_power": 0.5, "strategy": "SO"}, "does nothing for strategy='SO'"),
        ({"count_power": 0.5, "palette": "a.gpl"}, "does nothing for palette='a.gpl'"),
        ({"keep_colors": "#000000", "palette": "a.gpl"}, "does nothing for palette='a.gpl'"),
        ({"count_power": 0}, "expected a number above 0 and at most 1, such as 0.75"),
        ({"count_power": 1.5}, "expected a number above 0 and at most 1"),
    ],
)
def test_wrong_values_are_refused_by_name(values, expected):
    with pytest.raises(UsageError, match=expected):
        Options(**values)


@pytest.mark.parametrize("wish", [{"keep_colors": "#000000"}, {"count_power": 0.5}])
def test_an_image_with_a_given_palette_takes_no_wish(wish):
    with pytest.raises(UsageError, match=r"does nothing with a palette: leave one of them out"):
        quantize(with_light()[0], palette=[[0, 0, 0]], **wish)
    with pytest.raises(UsageError, match=r"does nothing with a palette"):
        compress_image(image_bytes(with_light()[0]), Options(**wish), palette=[[0, 0, 0]])


def test_the_order_and_form_of_kept_colours_change_nothing():
    forms = ("#FFFFFF, #000000", "#000000,#ffffff", ["#ffffff", "#000000"], ("#000000", "#ffffff"))
    assert len({Options(keep_colors=form).digest() for form in forms}) == 1
    assert Options(keep_colors=forms[0]) != Options()
    assert Options(keep_colors=()) == Options(keep_colors=None, count_power=1) == Options()
