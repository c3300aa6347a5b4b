"""Packs: files that hold many images, as WebDataset tar files or Parquet files."""
