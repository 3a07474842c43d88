"""What the ledger raises."""


class LedgerError(RuntimeError):
    """The ledger cannot be opened, or lost what it was told."""
