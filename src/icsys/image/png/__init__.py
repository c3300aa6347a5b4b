"""The structure of PNG files, and what Pillow leaves open about their pixels."""
