"""The contract between the two sides, version 1: data only, standard library only.

The Airflow side imports this package and nothing else of the container side.
"""

from clara_stages.kit.contract.digests import folder_digest
from clara_stages.kit.contract.exit_codes import ExitCode, Outcome
from clara_stages.kit.contract.keys import stage_key, study_digest
from clara_stages.kit.contract.kinds import KINDS, Kind, joins
from clara_stages.kit.contract.request import CONTRACT_VERSION, StageRequest
from clara_stages.kit.contract.result import RESULT_FILE, ErrorReport, ShortResult, StageResult

__all__ = [
    "CONTRACT_VERSION",
    "KINDS",
    "RESULT_FILE",
    "ErrorReport",
    "ExitCode",
    "Kind",
    "Outcome",
    "ShortResult",
    "StageRequest",
    "StageResult",
    "folder_digest",
    "joins",
    "stage_key",
    "study_digest",
]
