"""Images that are cropped, moved and mirrored, one after another in NumPy, and such changes drawn at random."""

import numpy as np
from hypothesis import strategies as st

from icsys.loading.batch_changes import BatchChanges


def clipped(first, kept, full):
    """Numbers of the rows or columns that are kept, within the image; of Python, whose integers do not overflow."""
    return np.array([min(max(first + place, 0), full - 1) for place in range(kept)], np.intp)


def naive_indices(indices, rows, colors, *, flip=None, crop=None, shift=None):
    """The changed indices of images (N, H, W), an image after another."""
    images = []
    height, width = indices.shape[1:] if crop is None else crop[2:]
    for k, row in enumerate(rows):
        image = np.minimum(indices[row], colors - 1)
        top, left = (int(np.broadcast_to(given, len(rows))[k]) for given in (crop or (0, 0))[:2])
        down, right = (int(np.broadcast_to(given, len(rows))[k]) for given in (shift or (0, 0)))
        image = np.take(image, clipped(top - down, height, image.shape[0]), axis=0)
        image = np.take(image, clipped(left - right, width, image.shape[1]), axis=1)
        images.append(image[:, ::-1] if flip is not None and flip[k] else image)
    return np.array(images, indices.dtype).reshape(len(rows), height, width)


@st.composite
def changes_of(draw, count, size, colors):
    """Draw changes of images of a size, each of them or none."""

    def numbers(low, high):
        return np.array(draw(st.lists(st.integers(low, high), min_size=count, max_size=count)), np.int64)

    height, width = (draw(st.integers(1, side)) for side in size)
    flip, crop, shift, palettes = (draw(st.booleans()) for _ in range(4))
    seed = draw(st.integers(0, 99))
    return BatchChanges(
        numbers(0, 1).astype(bool) if flip else None,
        (numbers(0, size[0] - height), numbers(0, size[1] - width), height, width) if crop else None,
        (numbers(-9, 9), numbers(-9, 9)) if shift else None,
        np.random.default_rng(seed).integers(0, 256, (count, colors, 3), dtype=np.uint8) if palettes else None,
    )
