"""The structure of PNG files, read and mended without decoding their pixels."""
