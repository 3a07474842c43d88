"""One file becomes an instance and its frames, or a reason why it is left out."""

import zlib

from clara_stages.dicom_reader.headers.contents import read_contents
from clara_stages.dicom_reader.headers.data_set import DataSet, read_data_set
from clara_stages.dicom_reader.headers.elements import BrokenElementError
from clara_stages.dicom_reader.headers.file_kinds import NEEDED_BYTES, find_other_kind, is_dicom_start
from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.header import Header
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.dicom_reader.headers.membership import read_membership
from clara_stages.dicom_reader.headers.planes import UID
from clara_stages.dicom_reader.headers.stream import HeaderLimitError, HeaderStream, PlainFile
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.sop_classes import MEDIA_STORAGE_DIRECTORY, ObjectKind, object_kind


class NotAnInstanceError(ValueError):
    """A file is left out; the text says why, without anything that the file says about a person."""


def read_file(file: StudyFile, limits: Limits) -> tuple[Instance, tuple[Frame, ...]]:
    """Read the header of one file; pixel data stays on the disk.

    Returns:
        The instance, and its frames: none of an object that is no image; one without a plane where the instance has a
        fault.

    Raises:
        NotAnInstanceError: The file is no DICOM, cannot be read, or does not say which instance it is.
    """
    if file.refusal:
        raise NotAnInstanceError(file.refusal)
    try:
        source = PlainFile(file.path)
    except OSError as error:
        raise NotAnInstanceError(f"cannot be opened ({type(error).__name__})") from None
    try:
        return _read(file, source, limits)
    except (NotAnInstanceError, MemoryError):  # no memory is no fault of the file
        raise
    except HeaderLimitError:
        raise NotAnInstanceError(f"broken DICOM (a header of more than {limits.max_header_mib} MiB)") from None
    except OSError as error:
        raise NotAnInstanceError(f"cannot be read ({type(error).__name__})") from None
    except zlib.error:
        raise NotAnInstanceError("broken or truncated DICOM (it cannot be inflated)") from None
    except BrokenElementError as error:
        raise NotAnInstanceError(f"broken or truncated DICOM ({error})") from None
    except Exception as error:  # whatever a broken file does to the parser, it is one file left out
        raise NotAnInstanceError(f"broken or truncated DICOM ({type(error).__name__})") from None
    finally:
        source.close()


def _read(file: StudyFile, source: PlainFile, limits: Limits) -> tuple[Instance, tuple[Frame, ...]]:
    limit_bytes = limits.max_header_mib << 20
    stream = HeaderStream(source, limit_bytes)
    start = stream.data[:NEEDED_BYTES]
    if not is_dicom_start(start):
        raise NotAnInstanceError(find_other_kind(start, file.path.name))
    data_set = read_data_set(source, stream, limit_bytes)
    header = Header(data_set.scan.elements, data_set.encoding)
    if data_set.sop_class_uid == MEDIA_STORAGE_DIRECTORY or "DirectoryRecordSequence" in header:
        raise NotAnInstanceError("DICOMDIR: the directory of a medium, no instance")
    sop_class_uid = header.text("SOPClassUID")
    kind = object_kind(sop_class_uid)
    if kind is ObjectKind.SLIDE:
        raise NotAnInstanceError("a whole slide image")
    uids = {
        "study_instance_uid": _required_uid(header, "StudyInstanceUID", "Study Instance UID", data_set),
        "series_instance_uid": _required_uid(header, "SeriesInstanceUID", "Series Instance UID", data_set),
        "sop_class_uid": _required_uid(header, "SOPClassUID", "SOP Class UID", data_set),
        "sop_instance_uid": _required_uid(header, "SOPInstanceUID", "SOP Instance UID", data_set),
    }
    contents = read_contents(header, data_set, kind, source, limits)
    instance = Instance(
        path=file.path,
        label=file.label,
        relative=file.relative,
        kind=kind,
        header=contents.values,
        plane=contents.plane,
        pixels=contents.pixels,
        rescale=contents.rescale,
        pet=contents.pet,
        membership=read_membership(header),
        fault=contents.fault,
        **uids,
    )
    return instance, contents.frames_of(instance)


def _required_uid(header: Header, keyword: str, name: str, data_set: DataSet) -> str:
    text = header.text(keyword)
    if text and UID.fullmatch(text):
        return text
    if text:
        raise NotAnInstanceError(f"DICOM, but its {name} is no UID")
    if data_set.scan.broken_tag is not None:
        raise NotAnInstanceError(f"broken or truncated DICOM (no {name} before the break)")
    raise NotAnInstanceError(f"DICOM without a {name}")
