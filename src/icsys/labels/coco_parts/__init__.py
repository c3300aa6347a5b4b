"""COCO's JSON: items of large files, shapes of annotations, run-length masks."""
