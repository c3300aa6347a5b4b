"""For PyTorch: whole batches from arrays, a compressed folder as a dataset, and ``Quantize`` as a transform.

Needs torch and torchvision: ``pip install 'icsys[torch]'``.
"""

from icsys.errors import MissingExtraError

try:
    import torch  # noqa: F401 - the modules below need it
    import torchvision  # noqa: F401
except ImportError as error:
    raise MissingExtraError("icsys.torch needs torch and torchvision: pip install 'icsys[torch]'") from error

from icsys.torch.array_dataset import ArrayDataset, as_dataset
from icsys.torch.batch_loader import BatchLoader, loader
from icsys.torch.image_folder import IndexedImageFolder
from icsys.torch.indexed_image import IndexedImage, Palette, collate
from icsys.torch.quantize_transform import Quantize

__all__ = [
    "ArrayDataset",
    "BatchLoader",
    "IndexedImage",
    "IndexedImageFolder",
    "Palette",
    "Quantize",
    "as_dataset",
    "collate",
    "loader",
]
