"""Files that go with images in a run: masks, annotations, sidecars, tables and lists."""
