"""DICOM Segmentation."""
