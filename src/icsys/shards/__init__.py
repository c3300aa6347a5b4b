"""One dataset divided among several runs."""
