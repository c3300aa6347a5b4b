"""One image with chosen options: bytes, quality, and the palette."""
