"""What ICS keeps on disk beside the outputs: each kind of file, read and written as plain data."""
