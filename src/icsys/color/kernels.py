"""Compiled inner loops of K-means; the only file that imports numba.

Kernels see arrays only and trust their caller.

Points come in blocks: ``x`` has shape (blocks, d, m), float32, so that a loop over the m points of a block
vectorises. Centres come as ``ct`` of shape (d, k), float32, for the same reason. ``dims`` is a tuple of d
entries: its length is known to the compiler, which then unrolls the loops over features.
"""

from __future__ import annotations

import numba
import numpy as np

# Reordering sums (reassoc) stays off: sums that decide a result have one order on every machine.
kernel = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"nnan", "ninf", "nsz", "contract", "arcp"})


@kernel
def popcount(v):
    v -= (v >> np.uint64(1)) & np.uint64(0x5555555555555555)
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (v * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel
def mark_colors(pixels, spread, bits, codes):
    one = np.uint64(1)
    for i in range(len(pixels)):
        m = (spread[pixels[i, 0]] << np.uint32(2)) | (spread[pixels[i, 1]] << np.uint32(1)) | spread[pixels[i, 2]]
        codes[i] = m
        bits[m >> np.uint32(6)] |= one << np.uint64(m & np.uint32(63))


@kernel
def rank_words(bits, starts):
    n = 0
    for j in range(len(bits)):
        starts[j] = n
        n += np.int64(popcount(bits[j]))
    return n


@kernel
def count_colors(codes, bits, starts, counts, distinct):
    one = np.uint64(1)
    for i in range(len(codes)):
        m = codes[i]
        j = m >> np.uint32(6)
        below = bits[j] & ((one << np.uint64(m & np.uint32(63))) - one)
        r = starts[j] + np.int32(popcount(below))
        counts[r] += 1
        distinct[r] = m
        codes[i] = r


@kernel
def candidates(lo, hi, ct, cc, z, dims, gap, cand):
    k = len(cc)
    for j in range(k):
        gap[j] = cc[j] - cc[z]
    for f in range(len(dims)):
        for j in range(k):
            delta = ct[f, j] - ct[f, z]
            gap[j] -= np.float32(2) * max(delta * lo[f], delta * hi[f])
    n = 0
    for j in range(k):
        cand[n] = j
        n += np.intp(gap[j] <= np.float32(0))
    return n


@kernel
def nearest_in_block(x, ct, cc, cand, n, dims, best, lab):
    m = len(best)
    j = cand[0]
    for i in range(m):
        d = cc[j]
        for f in range(len(dims)):
            d -= np.float32(2) * ct[f, j] * x[f, i]
        best[i] = d
        lab[i] = j
    for q in range(1, n):
        j = cand[q]
        for i in range(m):
            d = cc[j]
            for f in range(len(dims)):
                d -= np.float32(2) * ct[f, j] * x[f, i]
            closer = d < best[i]
            lab[i] = j if closer else lab[i]
            best[i] = d if closer else best[i]


@kernel
def norms(ct, cc):
    for j in range(len(cc)):
        s = np.float32(0)
        for f in range(len(ct)):
            s += ct[f, j] * ct[f, j]
        cc[j] = s


@kernel
def accumulate(x, w, lo, hi, ct, dims, owner, sums, labels):
    """Assign every point to its nearest centre; sums (k, 1 + d) receive weight and weighted coordinates."""
    nb, _, m = x.shape
    k = ct.shape[1]
    cc = np.empty(k, np.float32)
    norms(ct, cc)
    gap = np.empty(k, np.float32)
    cand = np.empty(k + 1, np.int32)
    best = np.empty(m, np.float32)
    sums[:] = 0
    for b in range(nb):
        n = candidates(lo[b], hi[b], ct, cc, owner[b], dims, gap, cand)
        lab = labels[b]
        nearest_in_block(x[b], ct, cc, cand, n, dims, best, lab)
        for i in range(m):
            j = lab[i]
            wi = w[b, i]
            sums[j, 0] += wi
            for f in range(len(dims)):
                sums[j, 1 + f] += wi * x[b, f, i]
        owner[b] = lab[m // 2]


@kernel
def lloyd(x, w, lo, hi, ct, dims, owner, sums, labels, snap, tol, max_iter):
    """Move ``ct`` in place; return twice-evaluated -sum |S|^2/W, the error up to a constant."""
    k = ct.shape[1]
    last = np.inf
    for it in range(max_iter):
        accumulate(x, w, lo, hi, ct, dims, owner, sums, labels)
        err = 0.0
        for j in range(k):
            if sums[j, 0] > 0:
                for f in range(len(dims)):
                    mean = sums[j, 1 + f] / sums[j, 0]
                    err -= mean * sums[j, 1 + f]
                    ct[f, j] = np.float32(np.rint(mean)) if snap else np.float32(mean)
        if last - err <= tol:
            break
        last = err
    return err


@kernel
def second_moments(x, w, labels, sums, dims, moments):
    """moments (k, d*(d+1)/2): weighted second moments about the means."""
    nb, _, m = x.shape
    moments[:] = 0
    d = len(dims)
    for b in range(nb):
        for i in range(m):
            j = labels[b, i]
            wi = w[b, i]
            p = 0
            for f in range(d):
                v = wi * (x[b, f, i] - sums[j, 1 + f] / sums[j, 0])
                for g in range(f + 1):
                    moments[j, p] += v * (x[b, g, i] - sums[j, 1 + g] / sums[j, 0])
                    p += 1
    return 0
