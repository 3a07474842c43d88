"""Keeping patient data out of the log: pydicom and highdicom quote the values that they find odd."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config

_LIBRARIES = ("pydicom", "highdicom")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep libraries from checking values and quoting them in log lines and warnings; the gate does the checking."""
    settings = config.settings
    modes = (settings.reading_validation_mode, settings.writing_validation_mode)
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    levels = [logger.level for logger in loggers]
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            for name in _LIBRARIES:
                warnings.filterwarnings("ignore", module=name)
            yield
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = modes
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
