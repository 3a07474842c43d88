"""The ledger: everything the adapter must not forget."""

from clara_stages.dicom_adapter.ledger.errors import LedgerError
from clara_stages.dicom_adapter.ledger.store import Ledger

__all__ = ["Ledger", "LedgerError"]
