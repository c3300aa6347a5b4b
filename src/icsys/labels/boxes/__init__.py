"""Boxes in written label files, of COCO, VOC and YOLO, in pixels of their pictures."""
