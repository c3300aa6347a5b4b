"""The version of the package, for all that records it."""

__version__ = "0.1.0"
