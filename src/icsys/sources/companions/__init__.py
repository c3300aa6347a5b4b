"""Files that go with images: masks, annotations and sidecars, found by their names and content."""
