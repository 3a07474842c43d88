"""The ledger: everything the adapter must not forget."""

from clara_stages.dicom_adapter.ledger.store import Ledger, LedgerError

__all__ = ["Ledger", "LedgerError"]
