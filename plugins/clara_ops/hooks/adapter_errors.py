"""What can go wrong between Airflow and the DICOM adapter, one class per decision of the caller.

AdapterError
├── AdapterUnavailableError   transient: refused connection, time-out, 5xx; ask again later
└── AdapterRefusedError       permanent: no connection or token, 401, a bad request, not an adapter at all
    └── AdapterMismatchError  404 or 409: the ledger does not know what was named, or knows it otherwise; go on
"""

from airflow.sdk.exceptions import AirflowException


class AdapterError(AirflowException):
    """The adapter did not do what was asked of it."""


class AdapterUnavailableError(AdapterError):
    """The adapter did not answer, or not sensibly, just now."""


class AdapterRefusedError(AdapterError):
    """The adapter will answer the same again until a person changes something."""


class AdapterMismatchError(AdapterRefusedError):
    """The ledger does not know the pair that was named, or it is past that point."""
