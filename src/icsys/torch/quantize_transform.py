"""``Quantize``: colour reduction as a transform of torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from icsys.color.palette_rounding import check_palette
from icsys.errors import UsageError
from icsys.image.decode import to_array
from icsys.options import Options
from icsys.pipeline import quantize_pixels
from icsys.torch.argument_checks import switch
from icsys.torch.indexed_image import LEVELS, RGB, IndexedImage, to_indexed_image

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from icsys.choices import DitherName, EffortName, SpaceName, StrategyName

_GREY = 1  # channels


class Quantize(v2.Transform):
    """Reduce the colours of every image, as :func:`icsys.quantize` does; for torchvision's ``Compose``, v2 or v1.

    Takes PIL images and tensors of shape (..., C, H, W) with one or three channels, uint8 or floating from 0 to 1, and
    gives the same kind. Masks, boxes and labels beside an image are unchanged. Each image of a batch gets its own
    palette.

    Parameters
    ----------
    colors
        Number of colours K, 1 to 65536.
    strategy, seed, effort, space, dither
        As for :func:`icsys.quantize`.
    palette
        Shape (k, 3): map all images to this palette, instead of finding one for each.
    indexed
        Return an :class:`IndexedImage` for every image instead of its pixels; not for batches.

    Raises
    ------
    UsageError
        If a parameter is invalid; in a call, if the image is none of the above.

    Examples
    --------
    >>> import torch
    >>> from torchvision.transforms import v2
    >>> from icsys.torch import Quantize
    >>> prepare = v2.Compose([v2.Resize(16), Quantize(colors=4), v2.ToDtype(torch.float32, scale=True)])
    >>> image = prepare(torch.arange(3 * 64 * 64).reshape(3, 64, 64).to(torch.uint8))
    >>> image.shape, len(image.flatten(1).unique(dim=1).T)
    (torch.Size([3, 16, 16]), 4)
    """

    def __init__(
        self,
        colors: int = 32,
        *,
        strategy: StrategyName = "MKM",
        seed: int = 0,
        effort: EffortName = "fast",
        space: SpaceName = "srgb",
        dither: DitherName = "none",
        palette: ArrayLike | None = None,
        indexed: bool = False,
    ) -> None:
        super().__init__()
        self.options = Options(colors=colors, strategy=strategy, seed=seed, effort=effort, space=space, dither=dither)
        if self.options.strategy == "SO":
            raise UsageError("strategy='SO' reduces no colours: expected one of MKM, FKM, MBKM")
        self.palette = None if palette is None else check_palette(palette)
        self.indexed = switch("indexed", indexed)

    def extra_repr(self) -> str:
        """Return the settings, for ``repr``."""
        return f"colors={self.options.colors}, strategy={self.options.strategy!r}, indexed={self.indexed}"

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401, ARG002 - torchvision's own signature
        """Reduce the colours of one input; return anything but images unchanged."""
        if isinstance(inpt, tv_tensors.TVTensor) and not isinstance(inpt, tv_tensors.Image | tv_tensors.Video):
            return inpt
        if not isinstance(inpt, torch.Tensor):
            grey = inpt.mode in {"1", "L"}
            self._check_grey(grey=grey)
            few = quantize_pixels(to_array(inpt), self.options, self.palette)
            if self.indexed:
                return to_indexed_image(few.indices, few.palette)
            return few.to_image().convert("L" if grey else "RGB")
        self._check(inpt)
        self._check_grey(grey=inpt.shape[-3] == _GREY)
        levels = inpt.detach().as_subclass(torch.Tensor).cpu()
        if levels.is_floating_point():
            levels = (levels * LEVELS).round().clamp(0, LEVELS).to(torch.uint8)
        if self.indexed:
            return self._reduce(levels)
        images = levels.reshape(-1, *levels.shape[-3:])
        shown = (
            torch.stack([self._reduce(image).to_rgb()[: image.shape[0]] for image in images]) if len(images) else images
        )
        shown = shown.as_subclass(torch.Tensor).reshape(levels.shape)
        if inpt.is_floating_point():
            shown = shown.to(inpt.dtype) / LEVELS
        shown = shown.to(inpt.device)
        return tv_tensors.wrap(shown, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else shown

    def _check(self, image: torch.Tensor) -> None:
        fits = image.ndim == RGB if self.indexed else image.ndim >= RGB
        kind = image.dtype == torch.uint8 or image.is_floating_point()
        if not (fits and kind and image.shape[-3] in (_GREY, RGB) and 0 not in image.shape[-2:]):
            shape = "(C, H, W)" if self.indexed else "(..., C, H, W)"
            raise UsageError(
                f"a tensor of shape {tuple(image.shape)} and type {image.dtype}: expected {shape} with 1 or 3 "
                "channels, uint8 or floating from 0 to 1"
            )

    def _check_grey(self, *, grey: bool) -> None:
        """Refuse a coloured palette for grey images, which have no channels for it."""
        palette = self.palette
        if grey and not self.indexed and palette is not None and (palette != palette[:, :1]).any():
            raise UsageError(
                "a grey image and a palette with colours: expected indexed=True, or images of three channels"
            )

    def _reduce(self, image: torch.Tensor) -> IndexedImage:
        """Reduce the colours of one image, shape (C, H, W), uint8."""
        pixels = np.ascontiguousarray(image.movedim(0, -1).numpy())
        few = quantize_pixels(pixels if len(image) == RGB else pixels[..., 0], self.options, self.palette)
        return to_indexed_image(few.indices, few.palette)
