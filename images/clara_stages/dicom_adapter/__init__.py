"""The DICOM service: receives studies, keeps the ledger, delivers results."""
