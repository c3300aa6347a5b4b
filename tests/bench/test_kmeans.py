"""The K-means benchmark: its contenders and its arithmetic."""

import numpy as np
import pytest

from clusterers import BEST_OF_TEN, LIBIMAGEQUANT, ONE_FIT, Clusterer, clusterers
from judge import palette_mse
from kmeans import Score, measure, rows, run
from photos import generate_photo


@pytest.fixture(scope="module")
def photo():
    return generate_photo(60, 40, 0)


@pytest.mark.parametrize("clusterer", [one for one in clusterers() if one.installed], ids=lambda one: one.name)
def test_every_contender_finds_a_palette_far_better_than_one_colour(clusterer, photo):
    palette = clusterer.function(photo, 8, 0)
    assert palette.dtype == np.uint8
    assert 1 <= len(palette) <= 8
    mean = np.rint(photo.mean(axis=(0, 1), keepdims=True))[0].astype(np.uint8)
    assert palette_mse(photo, palette) < 0.3 * palette_mse(photo, mean)


def test_a_missing_package_is_named():
    assert not Clusterer("none", lambda *_: None, "no_such_package").installed


def test_a_method_runs_the_given_number_of_times_and_its_last_palette_counts(photo):
    calls = []

    def method(image, colors, seed):
        calls.append((colors, seed))
        return image.reshape(-1, 3)

    score = measure(Clusterer("all colours", method), photo, 8, repeats=3)
    assert calls == [(8, 0)] * 3
    assert score.error == 0


def test_every_method_is_scored_on_every_image_at_every_k(photo, capsys):
    methods = [Clusterer(name, lambda image, *_: image[0, :1]) for name in (ONE_FIT, BEST_OF_TEN)]
    scores = run([("a", photo), ("b", photo)], methods, [2, 4], repeats=1)
    assert {key: len(several) for key, several in scores.items()} == {
        (k, name): 2 for k in (2, 4) for name in (ONE_FIT, BEST_OF_TEN)
    }
    assert capsys.readouterr().out == ""


def test_rows_compare_errors_by_image_and_times_by_their_sums():
    scores = {
        (8, "mine"): [Score(9.0, 0.01), Score(11.0, 0.03)],
        (8, ONE_FIT): [Score(12.0, 1.0), Score(12.0, 3.0)],
        (8, BEST_OF_TEN): [Score(10.0, 8.0), Score(10.0, 8.0)],
        (8, LIBIMAGEQUANT): [Score(10.0, 0.1), Score(10.0, 0.1)],
        (4, "mine"): [Score(1.0, 1.0)],
    }
    table = rows(scores, 8)
    assert table[0] == ["mine", "1.0000", "1.1000", "20.0", "100x", "5.00x", "50%"]
    assert [row[0] for row in table] == ["mine", ONE_FIT, BEST_OF_TEN, LIBIMAGEQUANT]
    assert table[3][-1] == "-"


def test_without_libimagequant_its_columns_stay_empty():
    scores = {(8, name): [Score(1.0, 1.0)] for name in (ONE_FIT, BEST_OF_TEN)}
    assert rows(scores, 8)[0][-2:] == ["-", "-"]


def test_an_image_without_error_does_not_count_in_ratios():
    scores = {(8, name): [Score(0.0, 1.0), Score(2.0, 1.0)] for name in (ONE_FIT, BEST_OF_TEN)}
    assert rows(scores, 8)[0][1:3] == ["1.0000", "1.0000"]
