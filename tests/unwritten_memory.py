"""Arrays whose memory nobody has written hold any bits, in every test.

What ``numpy.empty`` gives is mostly zeros or the numbers of an array that is gone, so that code which reads it goes
wrong once in a thousand runs. Here it starts with infinities, huge numbers and signalling NaNs, which some functions
of NumPy refuse even where they ignore a value.
"""

import functools

import numpy as np

_MOST = 1 << 20  # bytes written at the start of an array: large ones stay where they are sparse
_BITS = np.resize(np.uint32([0x7FA00001, 0x9E3779B9, 0x7F800000, 0xFFF12345, 0x7F7FFFFF]), _MOST // 4).view(np.uint8)


def _written(make):
    @functools.wraps(make)
    def written(*args, **kwargs):
        array = make(*args, **kwargs)
        if type(array) is np.ndarray and array.dtype.kind in "iufc" and array.flags.forc:
            first = array.reshape(-1, order="A")[: _MOST // array.itemsize].view(np.uint8)  # a view: it is contiguous
            first[:] = _BITS[: len(first)]
        return array

    return written


def fill_with_any_bits():
    """Have ``numpy.empty`` and ``numpy.empty_like`` of this process give such arrays."""
    np.empty, np.empty_like = _written(np.empty), _written(np.empty_like)
