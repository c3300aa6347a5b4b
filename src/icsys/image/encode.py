"""From indices and a palette to a picture in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray


def indexed_image(indices: NDArray[np.integer], palette: NDArray[np.uint8]) -> Image.Image:
    """Return a PIL image of mode "P", or of mode "RGB" where the palette has more than 256 entries."""
    if indices.dtype != np.uint8:
        return Image.fromarray(palette[indices])
    image = Image.fromarray(indices).convert("L")
    image.putpalette(palette.tobytes())
    return image
