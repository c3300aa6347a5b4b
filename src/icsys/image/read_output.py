"""Read the files that :mod:`icsys.image.encode` writes: indices and palette as stored, or their pixels."""

from __future__ import annotations

import io
import itertools
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from icsys.choices import PNG_EFFORTS, WHITE
from icsys.errors import ImageError, MissingExtraError
from icsys.image.arrays.image_row import ROW_SIGNATURE, decode_row
from icsys.image.color_conversion import flatten, to_plain
from icsys.image.integrity import find_damage
from icsys.image.npz_encoder import NPZ_SIGNATURE
from icsys.image.open_image import open_image
from icsys.image.png_encoder import PNG_SIGNATURE, encode_indexed, encode_truecolor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from PIL import ImageFile

_PLANES = (), (2,), (3,), (4,)  # axes after height and width in the shape of pixels


def read_indexed(data: bytes) -> tuple[NDArray[np.integer], NDArray[np.uint8]] | None:
    """Return the indices and the palette that a file stores.

    Returns
    -------
    indices, palette
        Shape (H, W), uint8 or uint16, and shape (n, 3), or (n, 4) where an entry is transparent, uint8; None for a file
        that stores pixels.

    Raises
    ------
    ImageError
        If the bytes are not a file that ICS writes, or are damaged.
    """
    with _refusing_damage():
        if data.startswith((NPZ_SIGNATURE, ROW_SIGNATURE)):
            arrays = _arrays(data)
            return (arrays["indices"], arrays["palette"]) if "indices" in arrays else None
        image = _opened(data)
        if image.mode != "P":
            return None
        image.load()
        mode = "RGBA" if "transparency" in image.info else "RGB"
        if mode == "RGBA":
            image.apply_transparency()
        return np.array(image), np.array(image.getpalette(mode), np.uint8).reshape(-1, len(mode))


def read_pixels(data: bytes, background: str | None = WHITE) -> NDArray[np.uint8]:
    """Return the pixels that a file shows.

    Parameters
    ----------
    data
        The file.
    background
        Colour ``#RRGGBB`` behind transparent pixels; None keeps alpha.

    Returns
    -------
    numpy.ndarray
        Shape (H, W, 3), uint8; (H, W, 4) if the file has alpha and it is kept.

    Raises
    ------
    ImageError
        As for :func:`read_indexed`.
    """
    with _refusing_damage():
        if data.startswith((NPZ_SIGNATURE, ROW_SIGNATURE)):
            arrays = _arrays(data)
            plain = Image.fromarray(arrays["palette"][arrays["indices"]] if "indices" in arrays else arrays["pixels"])
        else:
            plain = to_plain(_opened(data))
        if background is None and plain.mode in {"LA", "RGBA"}:
            return np.array(plain.convert("RGBA"))
        return np.array(flatten(plain, background or WHITE).convert("RGB"))


def flat_pixels(pixels: NDArray[np.uint8], background: str) -> NDArray[np.uint8]:
    """Return decoded pixels as :func:`read_pixels` returns those of their file: (H, W, 3), without alpha or grey."""
    return np.array(flatten(Image.fromarray(pixels), background).convert("RGB"))


def is_own_png(data: bytes) -> bool:
    """Return whether ICS has written a PNG file: encoding its pixels again gives the same bytes."""
    if not data.startswith(PNG_SIGNATURE):
        return False
    encoders: list[Callable[..., bytes]]
    try:
        found = read_indexed(data)
        if found:
            indices, palette = found
            alpha = palette[:, 3] if palette.shape[1] > 3 else None  # noqa: PLR2004 - R, G and B
            encoders = [partial(encode_indexed, indices.astype(np.uint8), palette[:, :3], alpha=alpha)]
        else:
            encoders = [partial(encode_truecolor, _stored_pixels(data), few_colors=few) for few in (False, True)]
    except ImageError:
        return False
    for encode, effort in itertools.product(encoders, PNG_EFFORTS):
        with suppress(MissingExtraError):
            if encode(effort=effort) == data:
                return True
    return False


def _stored_pixels(data: bytes) -> NDArray[np.uint8]:
    """Return pixels with the channels that a PNG file has."""
    with _refusing_damage():
        image = _opened(data)
        if image.mode not in {"L", "LA", "RGB", "RGBA"}:
            raise ValueError(f"mode {image.mode}")
        return np.array(image)


def _opened(data: bytes) -> ImageFile.ImageFile:
    """Open an image file, and refuse damage that its decoder would ignore."""
    name, image = open_image(data)
    damage = find_damage(name, data)
    if damage:
        raise ImageError("corrupt", damage)
    return image


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Read a NumPy archive, or an image of arrays; raise ValueError for arrays that ICS does not write."""
    if data.startswith(ROW_SIGNATURE):
        arrays = decode_row(data)
    else:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("indices", "palette", "pixels") if name in archive}
    whole = {name: f"{array.dtype}{array.shape}" for name, array in arrays.items()}
    match arrays:
        case {"indices": indices, "palette": palette}:
            fits = (
                indices.dtype in (np.dtype(np.uint8), np.dtype(np.uint16))
                and palette.dtype == np.uint8
                and (indices.ndim, palette.ndim) == (2, 2)
                and palette.shape[1:] in _PLANES[2:]
                and indices.size > 0
                and indices.max() < len(palette)
            )
        case {"pixels": pixels}:
            fits = pixels.dtype == np.uint8 and pixels.size > 0 and pixels.ndim > 1 and pixels.shape[2:] in _PLANES
        case _:
            fits = False
    if not fits:
        raise ValueError(f"its arrays are {whole}")
    return arrays


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Raise every error of a decoder as one kind of error."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError("broken", f"not a whole file as ics writes it: {error}") from error
