"""Send DICOM instances, through the adapter or directly."""
