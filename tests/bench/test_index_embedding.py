"""The benchmark of embedded indices: models of all kinds see the same and start alike, and its page has all figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")

from index_embedding import COLORED, MOST, OWN, PIXELS, RANDOM, Result, main, meaning, model_of, moved, with_edges


@given(
    images=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=4, max_side=5)),
    moves=st.lists(st.tuples(st.integers(0, 4), *[st.integers(-MOST, MOST)] * 2), max_size=4),
)
@settings(max_examples=30)
def test_an_image_is_moved_and_its_edges_are_repeated(images, moves):
    rows, downs, rights = np.array(moves, np.int64).reshape(-1, 3).T
    rows = rows % len(images)
    found = moved(with_edges(images), rows, downs, rights)
    height, width = images.shape[-2:]
    assert found.shape == (len(rows), *images.shape[1:])
    for image, row, down, right in zip(found, rows, downs, rights, strict=True):
        for y in range(height):
            for x in range(width):
                at = min(max(y - down, 0), height - 1), min(max(x - right, 0), width - 1)
                np.testing.assert_array_equal(image[..., y, x], images[row][..., *at])


def test_an_embedding_that_starts_from_colors_starts_as_the_model_of_pixels():
    """The scores are equal before training; one at random differs in its vectors alone."""
    random = np.random.default_rng(0)
    palette = random.integers(0, 256, (7, 3), np.uint8)
    indices = random.integers(0, 7, (3, 16, 16)).astype(np.uint8)
    pixels = palette[indices].transpose(0, 3, 1, 2).copy()
    read = {RANDOM: indices, COLORED: indices, PIXELS: pixels, OWN: pixels}
    models = {kind: model_of(kind, palette, 4, 5, 1) for kind in read}
    scores = {kind: models[kind](torch.from_numpy(read[kind])).detach().numpy() for kind in read}
    assert scores[PIXELS].shape == (3, 4)
    np.testing.assert_allclose(scores[COLORED], scores[PIXELS], atol=1e-4)
    np.testing.assert_array_equal(scores[OWN], scores[PIXELS])
    assert np.abs(scores[RANDOM] - scores[PIXELS]).max() > 0.01
    for kind in (RANDOM, COLORED):
        assert models[kind][0].vectors.weight.shape == (7, 5)
        for one, other in zip(models[kind][1:].parameters(), models[PIXELS][1:].parameters(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("is_divided", [True, False])
def test_the_page_has_a_row_for_each_model(is_divided, tmp_path, capsys):
    random = np.random.default_rng(0)
    for number in range(16):
        folder = ("train/" if number % 4 else "test/") * is_divided + ("cat" if number < 8 else "dog")
        path = tmp_path / "set" / folder / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 20, 3), np.uint8)).save(path)
    page = tmp_path / "page.md"
    sizes = ["--side", "16", "--colors", "4", "--vector", "3", "--epochs", "1", "--repeats", "2"]
    main([str(tmp_path / "set"), *sizes, "--out", str(page)])
    text = page.read_text("utf-8")
    assert text.strip() == capsys.readouterr().out.strip()
    assert "12 images of 2 classes to train on, 4 tested; always naming the largest class: 50.0 %" in text
    assert ("a random one" in text) != is_divided
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    rows = {row[0]: row[1:] for row in rows[2:]}
    assert list(rows) == [RANDOM, COLORED, PIXELS, OWN]
    for kind, (accuracy, points, each, seconds, _, read) in rows.items():
        assert np.mean([float(one) for one in each.split()]) == pytest.approx(float(accuracy.split()[0]), abs=0.1)
        assert (points == "-") == (kind == PIXELS)
        assert float(seconds) > 0
        assert float(read) == pytest.approx(12 * 16 * 16 * (1 if kind in {RANDOM, COLORED} else 3) / 1e6, rel=0.01)


def test_a_difference_is_named_if_its_interval_leaves_out_zero():
    def result(right):
        return Result(np.arange(2 * 400).reshape(2, 400) % 400 < right, [])

    some = {PIXELS: result(200), COLORED: result(201), RANDOM: result(120), OWN: result(300)}
    assert meaning(some) == (
        f"So *{COLORED}* cannot be told from *{PIXELS}*; *{RANDOM}* has 20.0 points fewer than *{PIXELS}*; *{OWN}* has "
        f"25.0 points more than *{PIXELS}*."
    )


def test_a_folder_that_is_missing_is_refused_at_once(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "nowhere")])
    assert "nowhere' is no folder: expected one with folders of classes" in capsys.readouterr().err
