"""Write results as DICOM."""
