"""From a file to a configuration that holds together."""

from pathlib import Path

from clara_stages.dicom_adapter.config.model import AdapterConfig
from clara_stages.dicom_adapter.config.problems import ConfigError, Problem
from clara_stages.dicom_adapter.config.yaml_lines import Reader
from clara_stages.dicom_adapter.dialects.clara_yaml import parse_clara_yaml


def load_config(path: Path) -> AdapterConfig:
    """The configuration in a file.

    Raises:
        ConfigError: The file cannot be read, or holds faults; all of them are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problem = Problem(
            file=str(path), line=0, found=str(reason), expected="a readable file", remedy="Check --config."
        )
        raise ConfigError([problem]) from None
    reader = Reader(str(path))
    config = parse_clara_yaml(reader, text)
    if reader.problems:
        raise ConfigError(reader.problems)
    return config
