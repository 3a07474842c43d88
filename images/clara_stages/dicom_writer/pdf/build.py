"""The report as DICOM Encapsulated PDF (PS3.3 A.45.1)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from clara_stages.dicom_writer.header.series_attributes import complete_header
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.pdf.report import TITLE, write_report

OUTPUT = "pdf"
FILE = "report.pdf.dcm"
MIME_TYPE = "application/pdf"

_CONCEPT = ("126000", "DCM", "Imaging Measurement Report")
"""CID 7021."""


def build(job: Job) -> Iterator[tuple[str, Dataset]]:
    """One document. Raises BadInputError where the job has no segments."""
    table = job.require_segments(OUTPUT).table
    document = write_report(job)
    result = Dataset()
    result.SOPClassUID = EncapsulatedPDFStorage
    result.SOPInstanceUID = job.uid(f"{OUTPUT} instance")
    result.Modality = "DOC"
    result.ConversionType = "WSD"
    result.InstanceNumber = 1
    result.AcquisitionDateTime = None  # of the document's data; Type 2
    result.BurnedInAnnotation = "NO"  # nothing in the document names the patient
    result.SourceInstanceSequence = [_reference(item) for item in _source_instances(job)]
    result.DocumentTitle = long_string(f"{TITLE}: {table.series_description}")
    result.ConceptNameCodeSequence = [_concept()]
    result.VerificationFlag = "UNVERIFIED"
    result.MIMETypeOfEncapsulatedDocument = MIME_TYPE
    result.EncapsulatedDocument = document + b"\x00" * (len(document) % 2)
    result.EncapsulatedDocumentLength = len(document)
    predecessor = job.predecessors.get(OUTPUT)
    if predecessor is not None:
        result.PredecessorDocumentsSequence = [_predecessor_document(predecessor)]
    complete_header(result, job, OUTPUT, series_description=f"{table.series_description} - report")
    yield FILE, result


def _source_instances(job: Job) -> list[tuple[str, str]]:
    return [(str(instance.SOPClassUID), str(instance.SOPInstanceUID)) for instance in job.source.instances]


def _reference(item: tuple[str, str]) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = item
    return reference


def _concept() -> Dataset:
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = _CONCEPT
    return concept


def _predecessor_document(predecessor: Predecessor) -> Dataset:
    """Hierarchical SOP Instance Reference Macro (PS3.3 C.17.2.1)."""
    series = Dataset()
    series.SeriesInstanceUID = predecessor.series_instance_uid
    series.ReferencedSOPSequence = [_reference(item) for item in predecessor.instances]
    study = Dataset()
    study.StudyInstanceUID = predecessor.study_instance_uid
    study.ReferencedSeriesSequence = [series]
    return study
