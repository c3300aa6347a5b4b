"""The structure of JPEG files, read and mended without decoding their pixels."""
