"""AVIF and HEIC files: their boxes, the colours and the crop that these describe, and their pixels."""
