"""As few colours as a target of quality allows: how many that is, what it saves beside one K for all, what it costs.

One K "of the same worst quality" is the largest that any image needs: with it, as with auto, no image is worse than the
target, except photos that 256 colours miss. Each run is of one thread, from the bytes of files to the bytes of PNGs.

Independent palettes check K: KMeans of scikit-learn, one start, on the distinct colours with their counts. With a tenth
more colours than K, at least 2 more, they should reach the target, and with as many fewer they should miss it, by the
SSIM of scikit-image.
"""

from __future__ import annotations

import argparse
import io
import math
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from icsys import CompressedImage, Options, compress_image, quantize
from icsys.image.decode import decode_photo
from machine import describe
from page import publish
from photos import find_photos, images
from table import markdown_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 256


@dataclass(frozen=True, slots=True)
class Found:
    """What auto came to on all images, and fixed numbers of colours beside it.

    Attributes
    ----------
    colors
        Of each image.
    missed
        Images that miss the target with 256 colours.
    size, fixed_size
        Bytes of all outputs, and those with as many colours for all as the worst image needs.
    times_mean, times_worst
        Time over that of a run with the mean K, and with the K of the worst image.
    """

    colors: list[int]
    missed: int
    size: int
    fixed_size: int
    times_mean: float
    times_worst: float


def run(data: list[bytes], options: Options) -> tuple[float, list[CompressedImage]]:
    """Compress all images, and return the seconds that it took and what came of them."""
    start = time.perf_counter()
    done = [compress_image(one, options) for one in data]
    return time.perf_counter() - start, done


def measure(data: list[bytes], options: Options, rounds: int) -> Found:
    """Run auto and two fixed numbers of colours in turns; of each the fastest round counts."""
    _, found = run(data, options)
    colors = [image.colors or 0 for image in found]
    fixed = [options.replace(colors=k) for k in (round(statistics.mean(colors)), max(colors))]
    times = [[run(data, each)[0] for each in (options, *fixed)] for _ in range(rounds)]
    auto, mean, worst = map(min, zip(*times, strict=True))
    _, same = run(data, fixed[1])
    missed = sum(image.measured is not None and not image.measured.met for image in found)
    size, fixed_size = (sum(len(image.data) for image in some) for some in (found, same))
    return Found(colors, missed, size, fixed_size, auto / mean, auto / worst)


def ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the SSIM of the luma of two pictures (H, W, 3), as scikit-image has it."""
    from skimage.metrics import structural_similarity  # noqa: PLC0415 - a second to import

    x, y = (picture @ np.array([0.299, 0.587, 0.114]) for picture in (first, second))
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return float(structural_similarity(x, y, **settings))


def independent(pixels: NDArray[np.uint8], k: int) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) in k colours that scikit-learn found."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - likewise

    colors, inverse, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    fitted = KMeans(k, n_init=1, random_state=0).fit(colors, sample_weight=counts)
    palette = np.rint(fitted.cluster_centers_).astype(np.uint8)
    return palette[fitted.labels_][inverse.reshape(-1)].reshape(pixels.shape)


def away(k: int) -> int:
    """Return by how many colours an independent palette may differ."""
    return max(2, math.ceil(k / 10))


def confirmed(pixels: NDArray[np.uint8], k: int, target: float) -> tuple[bool, bool, bool]:
    """Tell whether k is right: by palettes of MKM, k and k - 1; by independent ones, some more, and some fewer."""
    own = ssim(pixels, quantize(pixels, k).to_array()) >= target > ssim(pixels, quantize(pixels, k - 1).to_array())
    more, fewer = (independent(pixels, n) for n in (k + away(k), k - away(k)))
    return own, ssim(pixels, more) >= target, ssim(pixels, fewer) < target


def check(data: list[bytes], colors: list[int], options: Options) -> list[tuple[bool, bool, bool]]:
    """Confirm every K of colour images that has room on both sides."""
    target = options.min_ssim or 0.0
    checks = []
    for one, k in zip(data, colors, strict=True):
        if k - away(k) >= 1 and k < MOST:
            checks.append(confirmed(decode_photo(one, options).pixels, k, target))
            print(f"K = {k}", checks[-1], file=sys.stderr, flush=True)
    return checks


def rows(data: list[bytes], targets: list[float], step: int, rounds: int) -> tuple[list[list[str]], list[list[str]]]:
    """Measure each target: the rows of what was found, and of what confirms it."""
    found_rows, check_rows = [], []
    for target in targets:
        options = Options(colors="auto", min_ssim=target, step=step)
        found = measure(data, options, rounds)
        colors = found.colors
        found_rows.append(
            [
                f"{target:g}",
                f"{min(colors)} to {max(colors)}",
                f"{statistics.mean(colors):.1f}",
                str(found.missed),
                f"{found.size / 1000:,.0f}",
                f"{found.fixed_size / 1000:,.0f}",
                f"{1 - found.size / found.fixed_size:.0%}",
                f"{found.times_mean:.1f}x",
                f"{found.times_worst:.1f}x",
            ]
        )
        checks = check(data, colors, options)
        check_rows.append([f"{target:g}", str(len(checks)), *(str(sum(one)) for one in zip(*checks, strict=True))])
    return found_rows, check_rows


def files(folder: Path | None, count: int | None) -> list[bytes]:
    """Return the bytes of the photos of a folder, or of generated ones as PNG."""
    if folder is not None:
        return [path.read_bytes() for path in find_photos(folder, count)]
    data = []
    for _, pixels in images(None, count):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        data.append(file.getvalue())
    return data


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with photos; generated ones if left out")
    parser.add_argument("--ssim", default="0.95,0.98", help="targets (default: %(default)s)")
    parser.add_argument("--images", type=int, help="use only the first N photos")
    parser.add_argument("--step", type=int, default=1, help="pixel step (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    options = parser.parse_args(arguments)
    data = files(options.folder, options.images)
    targets = [float(word) for word in options.ssim.split(",")]
    found, checks = rows(data, targets, options.step, options.rounds)
    table = markdown_table(
        (
            *("SSIM", "K", "mean K", "missed at 256", "kB", "kB with one K", "saved"),
            *("time of a run with the mean K", "with that one K"),
        ),
        found,
    )
    confirming = markdown_table(
        (
            *("SSIM", "images", "MKM: K reaches it, K - 1 does not"),
            *("KMeans: K + 10 % reaches it", "KMeans: K - 10 % does not"),
        ),
        checks,
    )
    about = describe("auto.py", arguments, "numpy", "scikit-image", "scikit-learn", "pillow")
    words = f"{__doc__.partition(chr(10) * 2)[2].strip()}\n\n{len(data)} photos, step {options.step}."
    publish(f"# As few colours as needed\n\n{words}\n\n{about}\n\n{table}\n\n{confirming}\n", options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
