"""The adapter's configuration: the model, and how a file becomes one."""

from clara_stages.dicom_adapter.config.load import load_config
from clara_stages.dicom_adapter.config.model import (
    AdapterConfig,
    Destination,
    ForcedMatch,
    Scp,
    Scu,
    ServedAeTitle,
    Source,
    Verification,
)
from clara_stages.dicom_adapter.config.problems import ConfigError, Problem

__all__ = [
    "AdapterConfig",
    "ConfigError",
    "Destination",
    "ForcedMatch",
    "Problem",
    "Scp",
    "Scu",
    "ServedAeTitle",
    "Source",
    "Verification",
    "load_config",
]
