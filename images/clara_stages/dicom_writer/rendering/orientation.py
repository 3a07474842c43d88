"""Which way the patient lies in an image, in the letters of Patient Orientation (PS3.3 C.7.6.1.1.1)."""

import re

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.source_stack import SourceStack

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
"""Positive and negative direction of the LPS axes; the Standard writes Head and Foot for superior and inferior."""

_OPPOSITE = str.maketrans("LRPAHF", "RLAPFH")

_LEAST_COSINE = 0.26
"""A direction within 15 degrees of a plane of the patient is not said to leave it."""

_STATED = re.compile(r"[LRPAHF]{1,3}")


def patient_orientation(source: SourceStack) -> tuple[str, str] | None:
    """Where rows and columns run to, for example ``("L", "P")``; None where nobody says.

    Images without a place in the patient, such as projections, state it themselves.
    """
    if source.has_place:
        return _letters(source.row_direction), _letters(source.column_direction)
    stated = source.first.get("PatientOrientation")
    try:
        row, column = (str(value) for value in stated or ())
    except (TypeError, ValueError):
        return None
    return (row, column) if _STATED.fullmatch(row) and _STATED.fullmatch(column) else None


def edge_letters(source: SourceStack) -> dict[str, str]:
    """What stands at the edges ``left``, ``right``, ``top`` and ``bottom``; empty where nobody says."""
    orientation = patient_orientation(source)
    if orientation is None:
        return {}
    row, column = orientation
    return {
        "left": row.translate(_OPPOSITE),
        "right": row,
        "top": column.translate(_OPPOSITE),
        "bottom": column,
    }


def _letters(direction: npt.NDArray[np.float64]) -> str:
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(_LETTERS[axis][int(direction[axis] < 0)] for axis in order if abs(direction[axis]) >= _LEAST_COSINE)
