"""Where an image lies, as its header says."""

import re

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.headers.header import Header

UID = re.compile(r"[0-9.]{1,64}")
"""PS3.5 9.1. Anything else in a UID may be text that a person typed, so it must reach neither log nor path."""

_TOMO = "TOMO"


def read_plane(header: Header) -> Plane:
    """Of a classic image, or of a frame: its functional groups, over the shared ones, over the top level.

    Raises:
        ValueError: Rows or Columns are no numbers.
    """
    position = header.numbers("ImagePositionPatient", 3)
    spacing = header.numbers("PixelSpacing", 2)
    frame_of_reference = header.text("FrameOfReferenceUID")
    return Plane(
        rows=header.integer("Rows"),
        columns=header.integer("Columns"),
        position_lps_mm=None if position is None else (position[0], position[1], position[2]),
        orientation_lps=header.numbers("ImageOrientationPatient", 6),
        pixel_spacing_mm=None if spacing is None else (spacing[0], spacing[1]),
        frame_of_reference_uid=frame_of_reference if UID.fullmatch(frame_of_reference) else "",
    )


def imager_pixel_spacing(header: Header) -> tuple[float, float] | None:
    """Imager Pixel Spacing (0018,1164): between rows, then columns, at the detector."""
    found = header.numbers("ImagerPixelSpacing", 2)
    return None if found is None else (found[0], found[1])


def detector_headers(header: Header, frames: int) -> list[Header] | None:
    """For each frame of a nuclear medicine image its header with the position of its detector.

    Detector Vector (0054,0020) says which detector took a frame. A reconstructed tomogram has its position for the
    first slice alone (PS3.3 C.8.4.15), so that its frames have no known place here.

    Returns:
        None where the header says nothing about detectors.
    """
    detectors = list(header.items("DetectorInformationSequence"))
    if not detectors or any(_TOMO in value for value in header.texts("ImageType")[2:]):
        return None
    merged = [Header({**header.elements, **item.elements}, header.encoding) for item in detectors]
    vector = header.numbers("DetectorVector", frames) or ((1.0,) * frames if len(detectors) == 1 else ())
    if not vector or not all(1 <= number <= len(merged) for number in vector):
        return None
    return [merged[int(number) - 1] for number in vector]
