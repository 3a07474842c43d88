"""The DICOM service: receives studies, keeps the ledger, delivers results."""

VERSION = "1"
"""Of the service, for its logs and the health answers."""
