"""The report as DICOM Encapsulated PDF (PS3.3 A.45.1)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import EncapsulatedPDFStorage

from clara_stages.dicom_writer.header.code_item import code_item
from clara_stages.dicom_writer.header.references import instance_reference, predecessor_document
from clara_stages.dicom_writer.header.series_attributes import complete_header
from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.pdf.report import TITLE, write_report

OUTPUT = "pdf"
FILE = "report.pdf.dcm"
MIME_TYPE = "application/pdf"

_CONCEPT = Code("126000", "DCM", "Imaging Measurement Report")
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
    result.SourceInstanceSequence = [
        instance_reference(str(one.SOPClassUID), str(one.SOPInstanceUID)) for one in job.source.instances
    ]
    result.DocumentTitle = long_string(f"{TITLE}: {table.series_description}")
    result.ConceptNameCodeSequence = [code_item(_CONCEPT)]
    result.VerificationFlag = "UNVERIFIED"
    result.MIMETypeOfEncapsulatedDocument = MIME_TYPE
    result.EncapsulatedDocument = document + b"\x00" * (len(document) % 2)
    result.EncapsulatedDocumentLength = len(document)
    predecessor = job.predecessors.get(OUTPUT)
    if predecessor is not None:
        result.PredecessorDocumentsSequence = [predecessor_document(predecessor)]
    complete_header(result, job, OUTPUT, series_description=f"{table.series_description} - report")
    yield FILE, result
