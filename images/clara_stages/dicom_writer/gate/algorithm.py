"""Whether an object names the algorithm of the label table."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Algorithm


def names_algorithm(identifications: Sequence[Dataset], algorithm: Algorithm) -> bool:
    """Whether one Algorithm Identification (PS3.3 10.16) is all there is, with name, version and the whole digest.

    Args:
        identifications: The items of the sequence.
        algorithm: Of the label table.
    """
    if len(identifications) != 1:
        return False
    (item,) = identifications
    stated = str(item.get("AlgorithmName") or ""), str(item.get("AlgorithmVersion") or "")
    return (
        stated == (long_string(algorithm.name), long_string(algorithm.version))
        and algorithm.digest in str(item.get("AlgorithmParameters") or "")
    )  # fmt: skip
