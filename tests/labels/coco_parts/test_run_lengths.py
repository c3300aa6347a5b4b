import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coco_files import warp
from icsys import Options
from icsys.image.view import View
from icsys.labels.coco_parts.run_lengths import compressed, lengths_of_runs, resized_runs, runs_of

coco_mask = pytest.importorskip("pycocotools.mask", reason="needs pycocotools")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

masks = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda shape: arrays(np.bool_, shape))
settings_of_views = st.sampled_from(
    [
        {"step": 1},
        {"step": 3},
        {"scale": 0.4},
        {"size": (7, 5)},
        {"size": (7, 5), "fit": "cover"},
        {"size": (9, 9), "fit": "pad"},
        {"size": (8, 3), "fit": "stretch"},
        {"size": (60, 50), "enlarge": True},
    ]
)


def decoded(lengths, shape):
    return (np.repeat(np.arange(len(lengths)) % 2, lengths)).reshape(shape[::-1]).T.astype(bool)


@given(masks)
def test_runs_and_their_compressed_text_are_those_of_pycocotools(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = runs_of(mask.T.ravel())
    assert compressed(runs) == encoded["counts"].decode()
    height, width = mask.shape
    for counts in (encoded["counts"].decode(), runs.tolist()):
        lengths = lengths_of_runs({"size": [height, width], "counts": counts}, (width, height))
        assert (decoded(lengths, mask.shape) == mask).all()


@given(st.lists(st.integers(0, 2**30), max_size=9))
def test_long_runs_survive_compressed_text(lengths):
    text = compressed(np.array(lengths, np.int64))
    assert lengths_of_runs({"size": [1, sum(lengths)], "counts": text}, (sum(lengths), 1)).tolist() == lengths


@given(masks, settings_of_views, st.integers(1, 8), st.sampled_from(["upright", "stored"]))
def test_a_mask_is_warped_as_its_picture(mask, settings, turn, on):
    size = mask.shape[::-1]
    stored = size if on == "stored" or turn < 5 else size[::-1]
    view = View.of(stored, turn, Options(**settings))
    found = decoded(resized_runs(runs_of(mask.T.ravel()), view, on), view.output[::-1])
    assert (found == warp(mask, view, on)).all()


def test_skip_takes_the_pixels_that_the_picture_takes():
    mask = np.zeros((9, 9), bool)
    mask[::3, ::3] = True
    view = View.of((9, 9), 1, Options(step=3, resample="skip"))
    assert resized_runs(runs_of(mask.T.ravel()), view, "upright", "skip").tolist() == [0, 9]
    assert resized_runs(runs_of(mask.T.ravel()), view, "upright").tolist() == [9]


@pytest.mark.parametrize(
    "counts",
    ["0" * 50, "PPPPPP", "o", "oooooooooooooo0", "é", "\udfff", "", [15], [17], [-1, 17], [1.5, 14.5], None, {}],
)
def test_runs_that_are_no_mask_of_the_picture_are_refused(counts):
    with pytest.raises(ValueError, match="mask"):
        lengths_of_runs({"size": [4, 4], "counts": counts}, (4, 4))


@pytest.mark.parametrize("size", [[4, 5], [4], None, "44", [3, 5]])
def test_a_mask_of_another_size_is_refused(size):
    with pytest.raises(ValueError, match="size"):
        lengths_of_runs({"size": size, "counts": [15]}, (3, 5))


@given(masks, st.data())
def test_a_text_with_another_character_is_read_as_pycocotools_reads_it_or_refused(mask, data):
    text = compressed(runs_of(mask.T.ravel()))
    at = data.draw(st.integers(0, len(text) - 1))
    text = text[:at] + data.draw(st.characters(min_codepoint=40, max_codepoint=120)) + text[at + 1 :]
    height, width = mask.shape
    try:
        lengths = lengths_of_runs({"size": [height, width], "counts": text}, (width, height))
    except ValueError:
        return
    assert (coco_mask.decode({"size": [height, width], "counts": text}) == decoded(lengths, mask.shape)).all()
