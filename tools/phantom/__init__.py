"""Synthetic CT studies of the abdomen with their ground truth, for the demonstration, for tests and for training.

No image of a person is in them. ``python -m tools.phantom OUT`` writes one as DICOM.
"""

from __future__ import annotations

from tools.phantom.anatomy import Phantom, PhantomSpec, build_phantom
from tools.phantom.dicom import OutputNotEmptyError, build_datasets, write_phantom, write_study
from tools.phantom.ground_truth import write_labels
from tools.phantom.labels import Label

__all__ = [
    "Label",
    "OutputNotEmptyError",
    "Phantom",
    "PhantomSpec",
    "build_datasets",
    "build_phantom",
    "write_labels",
    "write_phantom",
    "write_study",
]
