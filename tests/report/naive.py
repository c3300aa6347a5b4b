"""Measures of likeness, slow and obvious: the formulas, pixel by pixel."""

import math

import numpy as np


def mse(first, second):
    """Mean over pixels of the squared error summed over R, G and B."""
    return float(((first.astype(float) - second.astype(float)) ** 2).sum(axis=2).mean())


def psnr(first, second):
    """Of the error per channel, in decibels."""
    error = np.mean((first.astype(float) - second.astype(float)) ** 2)
    return 20 * math.log10(255 / math.sqrt(error))


def ssim(first, second, window=None):
    """Mean over all windows that lie inside, of the luma, with Gaussian weights: window by window, as it is written."""
    x, y = (picture.astype(float) @ [0.299, 0.587, 0.114] for picture in (first, second))
    window = window or max(odd for odd in (1, 3, 5, 7, 9, 11) if odd <= min(x.shape))
    weights = np.exp(-0.5 * ((np.arange(window) - window // 2) / 1.5) ** 2)
    weights = np.outer(weights, weights) / weights.sum() ** 2
    values = []
    for top in range(x.shape[0] - window + 1):
        for left in range(x.shape[1] - window + 1):
            p, q = (image[top : top + window, left : left + window] for image in (x, y))
            mean_p, mean_q = (weights * p).sum(), (weights * q).sum()
            var_p, var_q = (weights * (p - mean_p) ** 2).sum(), (weights * (q - mean_q) ** 2).sum()
            both = (weights * (p - mean_p) * (q - mean_q)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            light = (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
            values.append(light * (2 * both + c2) / (var_p + var_q + c2))
    return float(np.mean(values))


def lab(color):
    """Convert an sRGB colour of 0 to 255 to CIE L*a*b* under D65, by IEC 61966-2-1 and CIE 15."""
    r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in (level / 255 for level in color))
    x = (0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.95047
    y = 0.212671 * r + 0.715160 * g + 0.072169 * b
    z = (0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def ciede2000(first, second):
    """Colour difference of two L*a*b* colours, step by step as in Sharma, Wu and Dalal (2005), in degrees."""
    l1, a1, b1 = first
    l2, a2, b2 = second
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 if a or b else 0.0 for a, b in ((a1, b1), (a2, b2)))
    if c1 * c2 == 0:
        dh, h = 0.0, h1 + h2
    else:
        dh = h2 - h1
        if dh > 180:
            dh -= 360
        elif dh < -180:
            dh += 360
        h = (h1 + h2) / 2
        if abs(h1 - h2) > 180:
            h += 180 if h1 + h2 < 360 else -180
    dl, dc = l2 - l1, c2 - c1
    big_dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(dh / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * math.cos(math.radians(h - 30)) + 0.24 * math.cos(math.radians(2 * h))
    t += 0.32 * math.cos(math.radians(3 * h + 6)) - 0.20 * math.cos(math.radians(4 * h - 63))
    sl = 1 + 0.015 * (lm - 50) ** 2 / math.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rc = 2 * math.sqrt(cm**7 / (cm**7 + 25**7))
    rt = -rc * math.sin(math.radians(2 * 30 * math.exp(-(((h - 275) / 25) ** 2))))
    parts = dl / sl, dc / sc, big_dh / sh
    return math.sqrt(sum(part**2 for part in parts) + rt * parts[1] * parts[2])


def mean_ciede2000(first, second):
    """Mean over pixels."""
    pairs = zip(first.reshape(-1, 3).tolist(), second.reshape(-1, 3).tolist(), strict=True)
    return float(np.mean([ciede2000(lab(a), lab(b)) for a, b in pairs]))
