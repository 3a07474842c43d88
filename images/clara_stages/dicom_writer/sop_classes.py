"""SOP classes that pydicom 3.0 does not name."""

from pydicom.uid import UID, SegmentationStorage

LABEL_MAP_SEGMENTATION_STORAGE = UID("1.2.840.10008.5.1.4.1.1.66.7")
"""Supplement 243: another SOP class of the Segmentation IOD (PS3.3 A.51)."""

SEGMENTATIONS = frozenset({SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE})
"""All of the Segmentation IOD."""
