"""PNG files: their chunks, what is mended in them, the colours that they describe, and their pixels."""
