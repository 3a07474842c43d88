"""Codes and algorithm of the label table, as highdicom writes them."""

from highdicom import AlgorithmIdentificationSequence
from highdicom.sr import CodedConcept

from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Algorithm, Code


def coded_concept(code: Code) -> CodedConcept:
    """The item of a code sequence; a meaning that is too long for LO is cut."""
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=long_string(code.meaning))


def algorithm_identification(algorithm: Algorithm) -> AlgorithmIdentificationSequence:
    """Algorithm Identification Macro (PS3.3 table 10-19); the digest is a parameter of the algorithm."""
    return AlgorithmIdentificationSequence(
        name=long_string(algorithm.name),
        family=coded_concept(algorithm.family),
        version=long_string(algorithm.version),
        parameters={"digest": algorithm.digest} if algorithm.digest else None,
    )
