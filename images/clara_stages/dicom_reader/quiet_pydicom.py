"""Using pydicom on files of which nobody knows what they hold."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pydicom.config


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom from checking and quoting values: its warnings and log lines repeat what a header says.

    What is wrong with a value shows where it is used.
    """
    settings = pydicom.config.settings
    logger = logging.getLogger("pydicom")
    mode, level = settings.reading_validation_mode, logger.level
    settings.reading_validation_mode = pydicom.config.IGNORE
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pydicom")
            yield
    finally:
        settings.reading_validation_mode = mode
        logger.setLevel(level)
