"""MKM: our own K-means for colours."""

from __future__ import annotations

import numpy as np

from icsys.color import kernels
from icsys.color.cells import Blocks, blocks, cells, distinct_colors


def _dims(d):
    return (0,) * d


def _grow(data: Blocks, k: int, snap: bool) -> np.ndarray:
    d = data.x.shape[1]
    ct = (data.x.transpose(1, 0, 2) * data.w).reshape(d, -1).sum(1) / data.w.sum()
    ct = ct.astype(np.float32)[:, None]
    flat = data.x.transpose(0, 2, 1).reshape(-1, d).astype(np.float64)
    w = data.w.ravel()
    labels = np.zeros(data.w.shape, np.int32)
    while True:
        n = ct.shape[1]
        owner = np.zeros(len(data.x), np.int32)
        sums = np.zeros((n, d + 1))
        kernels.lloyd(*data, ct, _dims(d), owner, sums, labels, snap, 0.0, 2)
        if n == k:
            return ct
        lab = labels.ravel()
        mean = sums[:, 1:] / np.maximum(sums[:, :1], 1)
        dev = (flat - mean[lab]) ** 2 * w[:, None]
        var = np.stack([np.bincount(lab, dev[:, f], n) for f in range(d)], 1)
        axis = var.argmax(1)
        gain = var.max(1)
        order = np.argsort(-gain, kind="stable")[: k - n]
        order = order[gain[order] > 0.3 * gain[order[0]]]
        new = ct[:, order].copy()
        half = np.sqrt(var[order, axis[order]] / np.maximum(sums[order, 0], 1)) * 0.8
        half = np.maximum(np.rint(half), 1) if snap else half
        new[axis[order], np.arange(len(order))] += half
        ct[axis[order], order] -= half
        ct = np.ascontiguousarray(np.concatenate([ct, new], 1), dtype=np.float32)


def mkm_palette(pixels, n_colors, *, seed=0, effort="fast"):
    """First version."""
    pixels = np.ascontiguousarray(pixels)
    grey = pixels.ndim == 1 or (pixels.ndim == 2 and pixels.shape[1] != 3)
    rgb = np.repeat(pixels.reshape(-1, 1), 3, 1) if grey else pixels.reshape(-1, 3)
    found = distinct_colors(rgb)
    if len(found.colors) <= n_colors:
        palette = found.colors
    else:
        bits = 6 if n_colors > 64 else 5
        p, w = cells(found, bits)
        if len(w) < 4 * n_colors:
            p, w = found.colors, found.counts
        ct = _grow(blocks(np.rint((p - 128.0) * 8), w), n_colors, snap=True)
        data = blocks((found.colors.astype(np.float32) - 128) * 8, found.counts)
        labels = np.zeros(data.w.shape, np.int32)
        owner = np.zeros(len(data.x), np.int32)
        kernels.lloyd(*data, ct, _dims(3), owner, np.zeros((ct.shape[1], 4)), labels, True, 0.0, 5)
        palette = np.unique(np.clip(np.rint(ct.T / 8 + 128), 0, 255).astype(np.uint8), axis=0)
    return np.unique(palette[:, 0]) if grey else palette


def nearest(pixels, palette):
    """First version."""
    pixels = np.ascontiguousarray(pixels)
    grey = palette.ndim == 1
    rgb = np.repeat(pixels.reshape(-1, 1), 3, 1) if grey else pixels.reshape(-1, 3)
    pal = np.repeat(palette[:, None], 3, 1) if grey else palette
    found = distinct_colors(rgb)
    data = blocks(found.colors.astype(np.float32) - 128, found.counts)
    ct = np.ascontiguousarray(pal.astype(np.float32).T - 128)
    labels = np.zeros(data.w.shape, np.int32)
    owner = np.zeros(len(data.x), np.int32)
    kernels.accumulate(*data, ct, _dims(3), owner, np.zeros((len(pal), 4)), labels)
    labels = labels.ravel()[: len(found.colors)]
    sse = int((((found.colors.astype(np.int64) - pal[labels]) ** 2).sum(1) * found.counts).sum())
    out = labels.astype(np.uint8 if len(pal) <= 256 else np.uint16)[found.inverse]
    return out, sse // 3 if grey else sse
