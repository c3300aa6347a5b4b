# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fewer pixels, fewer colours: the Image Compression System
#
# A model that looks at photos has to read every number in them. This notebook shows how many numbers that are, how
# K-means reduces them, how to build a K-means and check it, what four strategies cost and give on real photos, and how
# to choose the number of colours.
#
# It needs the package and its extra for notebooks: `pip install 'icsys[notebook]'`. The photos come with the packages
# that this installs; nothing is fetched.

# %%
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # what is timed below then runs on one thread
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans

import icsys
from icsys.cli.demo_photos import copy_samples, sample_photos

plt.style.use("icsys.report.style")
print("icsys", icsys.__version__)

# %% [markdown]
# ## The problem
#
# A photo of 1920 x 1200 pixels, modest for a camera, has a red, a green and a blue level for each pixel. A classifier
# needs ten thousand such photos, or more.

# %%
width, height, photos = 1920, 1200, 10_000
numbers = width * height * 3
step = 5
fewer = (width // step) * (height // step)

print(f"one photo                                {numbers:>16,} numbers")
print(f"{photos:,} photos                            {numbers * photos:>16,} numbers")
print(f"one pixel for every {step} x {step}                  {fewer * 3:>16,} numbers a photo")
print(f"and one index instead of R, G and B      {fewer:>16,} numbers a photo, {numbers / fewer:.0f} times fewer")

# %% [markdown]
# 6.9 million numbers for one photo, about 70 billion for all. There are two ways to reduce them, and this project is
# about the second:
#
# - **Size**: one pixel stands for a block of pixels.
# - **Colours**: three bytes can hold 16.8 million colours; keep the K colours that the photo needs most. Then a pixel
#   is one small number, an *index* into a *palette* of K colours: 5 bits for 32 colours instead of 24.

# %%
photo = np.asarray(Image.open(next(path for path in sample_photos() if path.name == "china.jpg")))
small = np.asarray(icsys.resize(photo, step=2))
few = icsys.quantize(small, colors=16)


def show(axes, pixels, title):
    """Draw a picture without axes."""
    axes.imshow(pixels)
    axes.set_title(title)
    axes.axis("off")


figure, panels = plt.subplots(1, 3, figsize=(10, 2.6))
distinct = [len(np.unique(pixels.reshape(-1, 3), axis=0)) for pixels in (photo, small)]
show(panels[0], photo, f"{photo.shape[1]} x {photo.shape[0]}, {distinct[0]:,} colours")
show(panels[1], small, f"{small.shape[1]} x {small.shape[0]}, {distinct[1]:,} colours")
show(panels[2], few.to_array(), f"{small.shape[1]} x {small.shape[0]}, {len(few.palette)} colours")
plt.show()

# %% [markdown]
# Which 16 colours? The 16 that are nearest to the photo's own, over all pixels together. K-means finds them.

# %% [markdown]
# ## K-means in a nutshell
#
# Take a picture of 100 pixels whose colours are red and green only. Every colour is then a point on a plane: the level
# of red to the right, the level of green upwards. The picture shall keep four colours, so K is 4.

# %%
random = np.random.default_rng(7)
middles = np.array([[60, 200], [205, 205], [190, 110], [110, 55]])
colors = np.vstack([random.normal(middle, 34, (25, 2)) for middle in middles])
colors = np.clip(colors, 0, 255).round()


def rgb(points):
    """Return the colours that points of the red-green plane stand for, from 0 to 1."""
    return np.column_stack([points, np.zeros(len(points))]) / 255


def plane(axes, title):
    """Draw the pixels on the red-green plane, each in its own colour."""
    axes.scatter(*colors.T, s=34, c=rgb(colors), edgecolors="black", linewidths=0.4, marker="o", zorder=2)
    axes.set(xlim=(-9, 264), ylim=(-9, 264), xticks=(0, 128, 255), yticks=(0, 128, 255), aspect="equal", title=title)
    axes.set(xlabel="red", ylabel="green")


figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4))
left.imshow(rgb(colors[random.permutation(len(colors))]).reshape(10, 10, 3))
left.set_title("100 pixels")
left.axis("off")
plane(right, "the same pixels as points")
plt.show()

# %% [markdown]
# K-means needs three parts, and the functions below are all of it. They work on points with two features, three, or any
# number; colours are one example.
#
# 1. **Choose** K points at random as the first centroids.
# 2. **Assign** every point to the nearest centroid.
# 3. **Move** every centroid to the mean of its points. Then assign again, until nothing changes.
#
# One case is easily forgotten: a centroid without points. Its mean would be 0 / 0, not a number, and would spoil
# everything after it. Here it moves to the point with the largest error.


# %%
def choose(points, k, random):
    """Choose k different points, (N, d), as the first centroids, (k, d)."""
    return random.choice(np.unique(points, axis=0), k, replace=False)


def assign(points, centroids):
    """Return for every point the number of the nearest centroid, and the squared distance to it; both (N,)."""
    distances = np.stack([np.square(points - centroid).sum(axis=1) for centroid in centroids], axis=1)
    return distances.argmin(axis=1), distances.min(axis=1)


def move(points, labels, distances, k):
    """Return the mean of each cluster, (k, d); a cluster without points goes where the error is largest."""
    centroids = np.empty((k, points.shape[1]))
    worst = iter(np.argsort(distances)[::-1])
    for i in range(k):
        members = points[labels == i]
        centroids[i] = members.mean(axis=0) if len(members) else points[next(worst)]
    return centroids


def k_means(points, centroids, most_rounds=300):
    """Assign and move until nothing changes; return centroids, labels, and the error after every round."""
    errors = []
    labels = None
    for _ in range(most_rounds):
        before = labels
        labels, distances = assign(points, centroids)
        errors.append(distances.mean())
        if before is not None and np.array_equal(before, labels):
            break
        centroids = move(points, labels, distances, len(centroids))
    return centroids, labels, errors


# %% [markdown]
# Step by step, with the four centroids as numbered discs. Lines connect pixels with their centroid; arrows show how a
# centroid moves.


# %% tags=["steps"]
def discs(axes, centroids):
    """Draw centroids as numbered discs in the colour that they stand for."""
    axes.scatter(*centroids.T, s=190, c=rgb(centroids), edgecolors="black", linewidths=1.8, marker="o", zorder=4)
    for i, (x, y) in enumerate(centroids):
        ink = "black" if 0.3 * x + 0.6 * y > 100 else "white"
        axes.text(x, y - 1, str(i + 1), ha="center", va="center", color=ink, weight="bold", zorder=5)


def spokes(axes, centroids, labels):
    """Draw a line from every pixel to its centroid."""
    for point, label in zip(colors, labels, strict=True):
        axes.plot(*zip(point, centroids[label], strict=True), color="#606060", linewidth=0.7, marker="", zorder=1)


start = choose(colors, 4, np.random.default_rng(6))
figure, panels = plt.subplots(2, 3, figsize=(10, 6.9))
panels = panels.ravel()
plane(panels[0], "choose: four pixels at random")
discs(panels[0], start)

centroids = start
for number in (1, 2):
    labels, distances = assign(colors, centroids)
    moved = move(colors, labels, distances, 4)
    axes = panels[2 * number - 1]
    plane(axes, f"assign, round {number}: error {distances.mean():,.0f}")
    spokes(axes, centroids, labels)
    discs(axes, centroids)
    axes = panels[2 * number]
    plane(axes, f"move, round {number}")
    for old, new in zip(centroids, moved, strict=True):
        axes.annotate("", new, old, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.5}, zorder=3)
    axes.scatter(*centroids.T, s=60, facecolors="none", edgecolors="black", linestyles="dotted", marker="o", zorder=3)
    discs(axes, moved)
    centroids = moved

final, labels, errors = k_means(colors, start)
plane(panels[5], f"after {len(errors)} rounds: error {errors[-1]:,.0f}")
spokes(panels[5], final, labels)
discs(panels[5], final)
plt.show()

# %% [markdown]
# The *error* is the mean over pixels of the squared distance to the centroid. Assigning cannot raise it, because each
# pixel takes the nearest centroid. Moving cannot raise it either, because the mean is the point with the least squared
# distance to its cluster. So the error falls until nothing changes:

# %%
assert all(np.diff(errors) <= 0)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=(1.7, 1))
left.plot(range(1, len(errors) + 1), errors)
left.set(xlabel="round", ylabel="error", ylim=(0, None), title="Every round lowers the error")
left.set_xticks(range(1, len(errors) + 1))
order = np.random.default_rng(7).permutation(len(colors))
right.imshow(rgb(final[labels][order]).reshape(10, 10, 3))
right.set_title("the picture with 4 colours")
right.axis("off")
plt.show()

# %% [markdown]
# **The result depends on the start.** K-means ends where nothing changes, and another start may end at a lower error.
# Two hundred random starts:

# %% tags=["starts"]
ends = np.array([k_means(colors, choose(colors, 4, np.random.default_rng(seed)))[2][-1] for seed in range(200)])
best = ends.min()
stuck = np.mean(ends > 1.01 * best)

figure, axes = plt.subplots(figsize=(7, 2.6))
axes.hist(ends / best, bins=np.linspace(1, max(2, (ends / best).max() + 0.05), 40), color="#0072b2")
axes.set(
    xlabel="error at the end / lowest error found", ylabel="starts", title="200 random starts on the same 100 pixels"
)
plt.show()
print(f"{stuck:.0%} of the starts end more than 1 % above the best, the worst {ends.max() / best:.2f} times as high")

# %% [markdown]
# This is the weakness of K-means, and most work on it is about this: better starts (scikit-learn's *k-means++*),
# several starts with the best one kept, or, as in this project, ways to move a centroid that is stuck.

# %% [markdown]
# ## Our own K-means beside scikit-learn's
#
# First the textbook version from above. From the same start both must find the same centroids, or one of them is wrong.
# The points are now the pixels of a photo, with three features.

# %%
pixels = np.asarray(icsys.resize(photo, step=8)).reshape(-1, 3).astype(float)
K = 16
start = choose(pixels, K, np.random.default_rng(0))

ours, labels, errors = k_means(pixels, start)
theirs = KMeans(K, init=start, n_init=1, tol=0, algorithm="lloyd").fit(pixels)

print(f"{len(pixels):,} pixels, {K} colours")
print(f"rounds          ours {len(errors)}, scikit-learn {theirs.n_iter_}")
print(f"error           ours {errors[-1]:.6f}, scikit-learn {theirs.inertia_ / len(pixels):.6f}")
print(f"largest difference of a centroid {np.abs(ours - theirs.cluster_centers_).max():.1e}")
print(f"pixels with another label        {np.count_nonzero(labels != theirs.labels_)}")
assert np.allclose(ours, theirs.cluster_centers_)
assert np.array_equal(labels, theirs.labels_)

# %% [markdown]
# The same centroids and the same labels. The package's K-means, **MKM**, minimises the same error with the same two
# steps, and differs in what surrounds them ([how it works](../docs/mkm.md)):
#
# - It clusters the *distinct* colours, each weighted by the number of its pixels: the same error, fewer points.
# - Most of its rounds run on cells of neighbouring colours, only the last ones on all colours.
# - It moves a centroid from a place where it gains little to a place with a large error, and keeps the move if the
#   error falls.
# - Its loops are compiled.
#
# The weights do not change the error, which is easily checked:

# %%
distinct, counts = np.unique(pixels, axis=0, return_counts=True)
weighted = KMeans(K, init=start, n_init=1, tol=0, algorithm="lloyd").fit(distinct, sample_weight=counts)

print(f"{len(pixels):,} pixels, {len(distinct):,} distinct colours")
assert np.allclose(weighted.cluster_centers_, theirs.cluster_centers_)
assert np.isclose(weighted.inertia_, theirs.inertia_)

# %% [markdown]
# Now the question that matters: how good is the result, and what does it cost? Ten seeds for each contender, on the
# same pixels. The error is that of the centroids, relative to the lowest error found by any of them.

# %% tags=["contenders"]
SEEDS = range(10)
contenders = {
    "textbook, random start": lambda seed: k_means(pixels, choose(pixels, K, np.random.default_rng(seed)))[0],
    "scikit-learn, one start": lambda seed: KMeans(K, n_init=1, random_state=seed).fit(pixels).cluster_centers_,
    "scikit-learn, best of ten": lambda seed: KMeans(K, n_init=10, random_state=seed).fit(pixels).cluster_centers_,
    "MKM, fast": lambda seed: icsys.ColorKMeans(K, effort="fast", random_state=seed).fit(pixels).cluster_centers_,
    "MKM, best": lambda seed: icsys.ColorKMeans(K, effort="best", random_state=seed).fit(pixels).cluster_centers_,
}
found, took = {}, {}
for name, fit in contenders.items():
    fit(0)  # the first call also loads modules; it is not timed
    clock = time.perf_counter()
    fits = [fit(seed) for seed in SEEDS]
    took[name] = (time.perf_counter() - clock) / len(SEEDS)
    found[name] = np.array([assign(pixels, centroids)[1].mean() for centroids in fits])

lowest = min(errors.min() for errors in found.values())
figure, axes = plt.subplots(figsize=(8.5, 3))
for row, errors in enumerate(found.values()):
    axes.plot(errors / lowest, np.full(len(errors), row), "o", alpha=0.5, color="#0072b2")
    axes.plot(np.median(errors) / lowest, row, "|", color="#d55e00", markersize=22, markeredgewidth=2.5)
axes.set_yticks(range(len(found)), list(found))
axes.set_ylim(len(found) - 0.4, -0.6)
axes.grid(visible=False, axis="y")
axes.set(xlabel="error / lowest error found", title="Where 10 seeds end; the stroke is their median")
plt.show()
print(f"{'':<27}{'median error':>13}{'worst':>8}{'milliseconds':>14}")
for name, errors in found.items():
    print(f"{name:<27}{np.median(errors) / lowest:>13.4f}{errors.max() / lowest:>8.4f}{1000 * took[name]:>14.1f}")

# %% [markdown]
# Read this with care: it is one small photo at one K. The [benchmark](../docs/benchmarks/kmeans.md) measures 24 photos
# on a quiet machine. There *MKM, fast* lies 0.3 % above scikit-learn's best of ten starts at 16 colours, and level with
# it or below from 32 colours on.

# %% [markdown]
# ## Four strategies on real photos
#
# All four make a photo smaller in the same way. **SO** stops there; **FKM** runs scikit-learn's `KMeans`, **MBKM** its
# `MiniBatchKMeans`, **MKM** our own. The photos below come with scikit-learn, Matplotlib and scikit-image, if these are
# installed.

# %%
workplace = tempfile.TemporaryDirectory()
uncompressed = Path(workplace.name, "Uncompressed")
names, _ = copy_samples(uncompressed)
print(", ".join(names))

summaries, kmeans_seconds = {}, {}
for strategy in ("SO", "MKM", "FKM", "MBKM"):
    options = icsys.Options(strategy=strategy, colors=32, step=2)
    with icsys.progress_bar(strategy) as progress:
        summaries[strategy] = icsys.compress_folder(
            uncompressed, Path(workplace.name, strategy), options, progress=progress
        )

# %% [markdown]
# These runs also loaded what they needed. To time the work alone, each is repeated three times, and the fastest counts.
# Times differ between machines; their ratios differ less.

# %%
results = {}
for strategy in summaries:
    runs = []
    for _ in range(3):
        images = []
        options = icsys.Options(strategy=strategy, colors=32, step=2)
        summary = icsys.compress_folder(
            uncompressed,
            Path(workplace.name, strategy),
            options,
            jobs=1,
            overwrite="always",
            progress=lambda progress, images=images: images.append(progress.result),
        )
        runs.append((summary.seconds, summary, [image for image in images if image is not None]))
    results[strategy] = min(runs, key=lambda run: run[0])

print(f"{'':<6}{'seconds':>8}{'/ SO':>7}{'MB':>8}{'times smaller':>15}{'numbers':>12}{'colour error':>14}")
for strategy, (seconds, summary, images) in results.items():
    mse = np.mean([image.mse or 0 for image in images])
    print(
        f"{strategy:<6}{seconds:>8.3f}{seconds / results['SO'][0]:>7.2f}{summary.bytes_out / 1e6:>8.3f}"
        f"{summary.factor:>15.1f}{summary.elements_out:>12,}{mse:>14.1f}"
    )

# %% tags=["strategies"]
LOOK = {"SO": ("#000000", "D"), "MKM": ("#0072b2", "o"), "FKM": ("#d55e00", "s"), "MBKM": ("#009e73", "^")}

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
for strategy, (seconds, summary, _) in results.items():
    color, marker = LOOK[strategy]
    left.plot(seconds, summary.factor, marker, color=color, markersize=9)
    above = -14 if strategy == "MBKM" else 6  # FKM may take as long
    left.annotate(strategy, (seconds, summary.factor), xytext=(7, above), textcoords="offset points")
left.set(
    xlim=(0, 1.3 * max(run[0] for run in results.values())),
    ylim=(0, 22),
    xlabel="seconds for the folder, one job",
    ylabel="times smaller",
)
left.set_title("Time and size")
sizes = {"sources": results["SO"][1].bytes_in} | {name: run[1].bytes_out for name, run in results.items()}
bars = right.barh(list(sizes), [size / 1e6 for size in sizes.values()], height=0.65, color="#808080")
for bar, name in zip(bars, sizes, strict=True):
    bar.set_color(LOOK[name][0] if name in LOOK else "#808080")
right.bar_label(bars, [f"{size / 1e6:.2f} MB" for size in sizes.values()], padding=4)
right.invert_yaxis()
right.margins(x=0.2)
right.grid(visible=False, axis="y")
right.set(xlabel="MB on disk", title="All photos together")
plt.show()

# %% [markdown]
# Parts of three photos, enlarged to the same scale:

# %% tags=["parts"]
PARTS = {"china": (78, 8), "flower": (110, 60), "chelsea": (60, 30)}
SIDE = 84
figure, panels = plt.subplots(len(PARTS), 4, figsize=(9.6, 7.4))
for row, (name, (x, y)) in zip(panels, PARTS.items(), strict=True):
    for axes, strategy in zip(row, results, strict=True):
        picture = Image.open(Path(workplace.name, strategy, f"{name}.png")).convert("RGB")
        show(axes, picture.crop((x, y, x + SIDE, y + SIDE)), strategy if name == "china" else "")
plt.show()

# %% [markdown]
# ### What this shows, and what it does not
#
# - **The three K-means strategies give nearly the same pictures.** They minimise the same error; the differences in the
#   table are small and hard to see side by side. If you need the well-known reference, take FKM and pay with time.
# - **A colour of few pixels is lost.** The cat's eye was green, and is brown in all three: an error in so few pixels
#   weighs less than a finer grading of the fur. If small things with a colour of their own matter, take more colours.
# - **MKM costs little beside SO**, which does not cluster but has a larger file to compress and write.
# - **The factor also depends on the sources.** Some of them are PNG files, which are large to begin with; from JPEGs
#   alone it is lower. A truecolour PNG (SO) is a poor way to store a photo, which flatters the others too.
# - **A model reads the same number of levels from all four.** An indexed file has a third of them only if the model
#   reads indices instead of R, G and B.
# - **The effect on accuracy was not measured here.** It depends on the task: shapes survive 32 colours, a smooth sky
#   does not. Train on a sample both ways before you compress a dataset for good.
# - **Seven small photos are no benchmark.** The benchmarks are in [docs/benchmarks](../docs/benchmarks/folder.md).

# %% [markdown]
# ## How to choose K
#
# More colours cost bytes and bring quality, and both can be measured. PSNR is the error in decibels: 10 log₁₀(255² /
# mean squared error of a level); 3 dB more are half the error. Every photo below is made smaller by two, with 2 to 256
# colours:

# %% tags=["quality"]
KS = (2, 4, 8, 16, 32, 64, 128, 256)
psnr, bits_a_pixel = {}, {}
for path in sorted(uncompressed.iterdir()):
    made = [icsys.compress_image(path.read_bytes(), icsys.Options(colors=k, step=2)) for k in KS]
    psnr[path.stem] = [10 * np.log10(255**2 / (image.mse / 3)) for image in made]
    bits_a_pixel[path.stem] = [len(image.data) / (image.width * image.height) * 8 for image in made]

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
for axes, lines, label in ((left, psnr, "PSNR, dB"), (right, bits_a_pixel, "bits a pixel of the PNG file")):
    for line in lines.values():
        axes.plot(KS, line, color="#808080", linewidth=0.8, marker="")
    axes.plot(KS, np.median(list(lines.values()), axis=0), color="#0072b2", linewidth=2.4, label="median")
    axes.set_xscale("log", base=2)
    axes.set_xticks(KS, [str(k) for k in KS])
    axes.set(xlabel="K, number of colours", ylabel=label)
    axes.legend()
left.set_title("Quality rises with every doubling")
right.set_title("and so do the bytes")
plt.show()

print("   K   PSNR  gained   bits a pixel")
middle, bits = np.median(list(psnr.values()), axis=0), np.median(list(bits_a_pixel.values()), axis=0)
for i, k in enumerate(KS):
    gained = f"{middle[i] - middle[i - 1]:+.1f}" if i else ""
    print(f"{k:>4} {middle[i]:>6.1f} {gained:>7} {bits[i]:>14.2f}")

# %% [markdown]
# The first doublings bring most. After them the line is straight: each further one brings about as many decibels as the
# one before, and costs most of a bit a pixel. Quality rises without a jump at any K. Ask instead what quality the task
# needs; the answer differs from photo to photo:

# %%
WANTED = 32
for name, line in psnr.items():
    enough = next((k for k, value in zip(KS, line, strict=True) if value >= WANTED), None)
    print(f"{name:<15}{f'{enough} colours' if enough else 'more than 256 colours':<12} for {WANTED} dB")

# %% [markdown]
# Looking helps more than any table. The strip below each picture is its palette, each colour as wide as its share of
# the pixels:


# %% tags=["choose-k"]
def strip(quantized, width):
    """Return the palette as a row of pixels, sorted by share."""
    counts = np.bincount(quantized.indices.reshape(-1), minlength=len(quantized.palette))
    order = np.argsort(counts)[::-1]
    ends = np.round(np.cumsum(counts[order]) / counts.sum() * width).astype(int)
    return np.repeat(quantized.palette[order], np.diff(ends, prepend=0), axis=0)[None]


figure, panels = plt.subplots(4, 3, figsize=(9.6, 5.6), height_ratios=(8, 1, 8, 1))
for i, k in enumerate((4, 8, 16, 32, 64, 256)):
    few = icsys.quantize(small, colors=k)
    row, column = 2 * (i // 3), i % 3
    show(panels[row, column], few.to_array(), f"K = {k}")
    panels[row + 1, column].imshow(strip(few, 320), aspect="auto")
    panels[row + 1, column].axis("off")
plt.show()

# %% [markdown]
# In practice:
#
# - **Begin with 32**, the default. Shapes, texture and most hues are there.
# - **16 or fewer** where the outline decides (letters, symbols, silhouettes). At 16, 4 and 2 a PNG pixel also falls to
#   4, 2 and 1 bits.
# - **64 to 256** where hue or smooth shading decides (skin, fruit, skies). Bands in smooth parts are the first sign of
#   too few.
# - **SO** where every shade counts.
# - Compare two values on a sample of your own photos, with the model and with your eyes, before the whole set.
#
# On a folder of your own:
#
# ```python
# with icsys.progress_bar() as progress:
#     icsys.compress_folder("Uncompressed", "Compressed", icsys.Options(colors=32, step=5), progress=progress)
# ```

# %%
workplace.cleanup()
