"""What a derived image says about how it was made, and of which images (PS3.3 C.7.6.1, C.12.4.1)."""

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from clara_stages.dicom_writer.header.code_item import code_item
from clara_stages.dicom_writer.header.references import image_references
from clara_stages.dicom_writer.header.text import short_text
from clara_stages.dicom_writer.inputs.source_stack import SourceSlice, SourceStack
from clara_stages.dicom_writer.inputs.volume import Volume

RESAMPLED = codes.DCM.SpatialResampling
EXTRACTED = codes.DCM.SpatiallyRelatedFramesExtractedFromTheVolume
MULTIPLIED = codes.DCM.PixelByPixelMultiplication
"""Of CID 7203 (PS3.16)."""

_PURPOSE = codes.DCM.SourceImageForImageProcessingOperation
"""Of CID 7202 (PS3.16)."""


def set_derivation(result: Dataset, volume: Volume, source: SourceStack) -> None:
    """Derivation Description and Derivation Code Sequence, the same in every image."""
    document = volume.document
    is_resampled = document.origin_index is not None
    sentences = ["One plane of a volume of voxel values" + (f" in {volume.unit}." if volume.unit != "1" else ".")]
    if is_resampled:
        tilt = f" from a gantry tilted by {document.tilt_degrees:.1f} degrees" if document.tilt_degrees else ""
        sentences.append(f"Resampled{tilt} onto even, orthogonal planes by linear interpolation.")
    if document.unit_basis:
        sentences.append(f"{document.unit_basis}.")
    if source.time_points > 1:
        sentences.append(f"One of {source.time_points} time points.")
    result.DerivationDescription = short_text(" ".join(sentences))
    found = [RESAMPLED if is_resampled else EXTRACTED, *([MULTIPLIED] if document.unit_basis else [])]
    result.DerivationCodeSequence = [code_item(code) for code in found]


def set_source_images(result: Dataset, shown: Iterable[SourceSlice], *, is_resampled: bool) -> None:
    """Source Image Sequence: the images that a plane lies on or between; frames of one instance are one item."""
    items = image_references(shown)
    for item in items:
        item.PurposeOfReferenceCodeSequence = [code_item(_PURPOSE)]
        if not is_resampled:
            item.SpatialLocationsPreserved = "YES"
    result.SourceImageSequence = items
