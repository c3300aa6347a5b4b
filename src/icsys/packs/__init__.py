"""Packs: files that hold many images, as WebDataset tar files, Parquet files, or arrays of one split."""
