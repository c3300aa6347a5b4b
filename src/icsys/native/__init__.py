"""Compiled code: kernels in C++ for what runs over every pixel, and the one place that loads them."""
