"""Draw the figures of docs/mkm.md: the search on a photo step by step, and time against error, from the benchmark.

Run it with ``python docs/mkm_figures.py``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter
from PIL import Image

from icsys import quantize, resize
from icsys.cli.demo_photos import sample_photos
from icsys.color.distinct_rgb import CENTER, SCALE, DistinctRGB
from icsys.color.kernels import Partition, grow, improve, lloyd

if TYPE_CHECKING:
    from numpy.typing import NDArray

HERE = Path(__file__).parent
K, FINENESS = 16, 100
LOOK = {
    "MKM": ("#0072b2", "o"),
    "KMeans(n_init=1), all pixels": ("#d55e00", "s"),
    "KMeans(n_init=10), distinct colours": ("#d55e00", "P"),
    "MiniBatchKMeans as in the original": ("#009e73", "^"),
    "libimagequant, defaults": ("#cc79a7", "D"),
    "OpenCV kmeans": ("#000000", "v"),
}


def main(folder: Path = HERE / "figures") -> None:
    """Write the figures into a folder."""
    photo = Image.open(next(path for path in sample_photos() if path.name == "flower.jpg"))
    page = (HERE / "benchmarks" / "kmeans.md").read_text(encoding="utf-8")
    with plt.style.context("icsys.report.style"):
        for name, figure in (("search", search(resize(photo, step=2))), ("time", trade(page))):
            figure.savefig(folder / f"mkm-{name}.png")
            plt.close(figure)


def search(image: Image.Image) -> Any:  # noqa: ANN401 - Matplotlib's figure
    """Draw the steps of the search on the plane of the two principal axes of an image's colours."""
    pixels = np.ascontiguousarray(np.asarray(image).reshape(-1, 3))
    colors = DistinctRGB(pixels)
    cells, _ = colors.cells(FINENESS, K)
    middle = pixels.mean(axis=0)
    axes_of = np.linalg.svd(pixels - middle, full_matrices=False)[2][:2]

    figure, panels = plt.subplots(2, 3, figsize=(10, 6.2), sharex=True, sharey=True)
    panels = panels.ravel()

    def draw(axes: Any, points: NDArray[Any], area: NDArray[Any] | float, title: str, **look: Any) -> None:  # noqa: ANN401
        x, y = (points - middle) @ axes_of.T[:, :1], (points - middle) @ axes_of.T[:, 1:]
        axes.scatter(x, y, s=area, c=np.clip(points / 255, 0, 1), marker="o", **look)
        axes.set_title(title)

    draw(panels[0], colors.colors(), 3, f"{len(colors):,} distinct colours", linewidths=0)
    means, weights = levels(cells.x.transpose(0, 2, 1).reshape(-1, 3)), cells.w.reshape(-1)
    shown = weights > 0
    areas = 4 + 500 * weights[shown] / weights.sum()

    def centers_on(axes: Any, centers: NDArray[Any], title: str) -> None:  # noqa: ANN401 - as above
        draw(axes, means[shown], areas / 3, "", alpha=0.6, linewidths=0)
        draw(axes, centers, 90, title, edgecolors="black", linewidths=1.4, zorder=3)

    draw(panels[1], means[shown], areas, f"{shown.sum():,} cells, area by weight", edgecolors="black", linewidths=0.3)
    for axes, k in ((panels[2], 4), (panels[3], K)):
        part, centers = start(cells, k)
        error = lloyd(cells, part, centers, k, snap=True, tolerance=1e-4, limit=10)
        centers_on(axes, levels(centers.T), f"growth to {k} centres, then Lloyd's")
    grown = levels(centers.T)
    settings = {"size": K // 8, "patience": 8, "tolerance": 1e-4, "limit": 10}
    after = improve(cells, part, centers, K, error, snap=True, **settings)
    centers_on(panels[4], levels(centers.T), f"after the moves: error {1 - after / error:.1%} lower")
    x, y = ((grown - middle) @ axes_of.T).T
    panels[4].plot(x, y, linestyle="none", marker="x", color="black", markersize=5, zorder=2)
    draw(panels[5], quantize(image, K).palette.astype(float), 90, "the palette", edgecolors="black", linewidths=1.4)
    for axes in panels:
        axes.set(xticklabels=[], yticklabels=[], aspect="equal")
        axes.tick_params(length=0)
    figure.supxlabel("first principal axis of the colours", fontsize="medium", weight="normal")
    figure.supylabel("second", fontsize="medium", weight="normal")
    return figure


def start(cells: Any, k: int) -> tuple[Partition, NDArray[np.float32]]:  # noqa: ANN401 - points of the kernels
    """Grow one centre to k."""
    part = Partition(cells, k)
    centers = part.centers.copy()
    grow(cells, part, centers, k, snap=True, share=0.3, limit=2)
    return part, centers


def levels(held: NDArray[Any]) -> NDArray[np.float64]:
    """Convert colours of the kernels to levels from 0 to 255."""
    return held.astype(float) / SCALE + CENTER


def trade(page: str) -> Any:  # noqa: ANN401 - Matplotlib's figure
    """Draw time against error from the tables of the benchmark page."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True)
    for axes, k in zip(panels, (32, 256), strict=True):
        table = page.split(f"## K = {k}\n")[1].split("\n## ", maxsplit=1)[0]
        rows = re.findall(r"^\| (\S.*?) +\| +([\d.]+) \| +[\d.]+ \| +([\d.,]+) \|", table, re.MULTILINE)
        found = {name: (float(ms.replace(",", "")), float(error)) for name, error, ms in rows}
        efforts = [found[f"MKM, {effort}"] for effort in ("fast", "balanced", "best")]
        axes.plot(
            *zip(*efforts, strict=True), marker=LOOK["MKM"][1], color=LOOK["MKM"][0], label="MKM: fast, balanced, best"
        )
        for name, (color, marker) in LOOK.items():
            if name in found:
                axes.plot(*found[name], marker=marker, color=color, linestyle="none", markersize=8, label=name)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set(xlabel="milliseconds for a photo of 393,216 pixels", title=f"K = {k}")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[0].set_ylabel("error / scikit-learn's best of ten")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    main()
