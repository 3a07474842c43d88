"""File Meta Information of results: the same bytes whatever library wrote them."""

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

IMPLEMENTATION_CLASS_UID = UID("2.25.269031584210747155617018530870364180465")
"""Names this writer (PS3.7 D.3.3.2); fixed, because that of a library would change with its version."""

IMPLEMENTATION_VERSION_NAME = "CLARA_OPS"


def set_file_meta(result: Dataset) -> None:
    """Give a result its File Meta Information (PS3.10 7.1); the transfer syntax is the builder's, or Explicit VR."""
    found = getattr(result, "file_meta", None)
    transfer_syntax_uid = found.get("TransferSyntaxUID") if found else None
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = result.SOPClassUID
    meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax_uid or ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    result.file_meta = meta
    result.preamble = bytes(128)
