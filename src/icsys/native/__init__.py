"""Compiled kernels in C++ for loops over every pixel, and the module that loads them."""
