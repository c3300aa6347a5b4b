"""Lossy codecs at the bytes of another arm."""
