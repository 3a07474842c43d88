"""Source series and label maps built in code."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from clara_stages.dicom_writer.result_context import ResultContext
from clara_stages.kit.contract import StageRequest

ORIENTATIONS = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "feet first": ((1, 0, 0), (0, 1, 0)),
    "prone": ((-1, 0, 0), (0, -1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "oblique": ((0.9, 0.3, -0.2), (-0.1, 0.8, 0.5)),
}
STEP = {"feet first": -1}
SPACING_MM = (0.75, 1.25, 2.5)
SHAPE = (12, 9, 6)


def orthonormal(row, column):
    row = np.array(row, dtype=float) / np.linalg.norm(row)
    column = np.array(column, dtype=float) - np.dot(row, column) * row
    return row, column / np.linalg.norm(column)


def source_instance(k, name="axial", **attributes):
    """One CT slice of a synthetic series; attributes override, None removes."""
    row, column = orthonormal(*ORIENTATIONS[name])
    step = np.cross(row, column) * SPACING_MM[2] * STEP.get(name, 1)
    instance = Dataset()
    instance.SpecificCharacterSet = "ISO_IR 100"
    instance.SOPClassUID, instance.SOPInstanceUID = CTImageStorage, f"1.2.3.4.{k + 1}"
    instance.StudyInstanceUID, instance.SeriesInstanceUID, instance.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.5"
    instance.PatientName, instance.PatientID, instance.PatientSex = "Müller^Anna", "P-17", "F"
    instance.PatientBirthDate, instance.PatientAge = "19600229", "061Y"
    instance.StudyDate, instance.StudyTime, instance.StudyID = "20210304", "101112", "S1"
    instance.AccessionNumber, instance.ReferringPhysicianName = "A1", "Referrer^R"
    instance.ContentDate, instance.ContentTime = "20210304", f"1030{k:02d}.5"
    instance.Modality, instance.Manufacturer, instance.SeriesNumber, instance.InstanceNumber = "CT", "ACME", 3, k + 1
    instance.PositionReferenceIndicator = ""
    instance.ImageOrientationPatient = [f"{value:.10f}"[:16] for value in (*row, *column)]
    instance.ImagePositionPatient = [f"{value:.6f}" for value in np.array([-41.5, 17.25, 100]) + k * step]
    instance.PixelSpacing, instance.SliceThickness = [SPACING_MM[1], SPACING_MM[0]], SPACING_MM[2]
    instance.Columns, instance.Rows, instance.SamplesPerPixel = SHAPE[0], SHAPE[1], 1
    instance.PhotometricInterpretation, instance.PixelRepresentation = "MONOCHROME2", 1
    instance.BitsAllocated, instance.BitsStored, instance.HighBit = 16, 16, 15
    instance.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    instance.PixelData = np.zeros(SHAPE[1::-1], dtype=np.int16).tobytes()
    for keyword, value in attributes.items():
        if value is None:
            del instance[keyword]
        else:
            setattr(instance, keyword, value)
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.file_meta.MediaStorageSOPClassUID = CTImageStorage
    instance.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.4.{k + 1}")
    return instance


def write_source(folder: Path, instances):
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for k, instance in enumerate(instances):
        dcmwrite(folder / f"{k:05d}.dcm", instance, enforce_file_format=True)
        entries.append(
            {"file": f"{k:05d}.dcm", "sop_class_uid": CTImageStorage, "sop_instance_uid": f"1.2.3.4.{k + 1}"}
        )
    (folder / "instances.json").write_text(json.dumps({"instances": entries}))
    return folder


def affine_ras(instances):
    first, last = instances[0], instances[-1]
    lps = np.eye(4)
    orientation = np.array(first.ImageOrientationPatient, dtype=float)
    lps[:3, 0] = orientation[:3] * float(first.PixelSpacing[1])
    lps[:3, 1] = orientation[3:] * float(first.PixelSpacing[0])
    position = np.array(first.ImagePositionPatient, dtype=float)
    lps[:3, 2] = (np.array(last.ImagePositionPatient, dtype=float) - position) / max(len(instances) - 1, 1)
    lps[:3, 3] = position
    return np.diag([-1, -1, 1, 1]) @ lps


def example_values(shape=SHAPE):
    """An asymmetric map of values 2 and 7; empty in the first slice, one voxel in a corner."""
    values = np.zeros(shape, dtype=np.uint8)
    ni, nj, nk = shape
    values[1 : ni // 2, 1 : nj - 3, 1 : nk - 2] = 2
    values[ni // 2 :, nj // 2 : nj - 1, 2 : nk - 1] = 7
    values[ni - 1, 0, nk - 1] = 7
    return values


def code(value, meaning, scheme="SCT"):
    return {"scheme": scheme, "value": value, "meaning": meaning}


def label_document(values, **overrides):
    labels = [
        {
            "value": 2, "segment_number": 1, "name": "liver", "voxels": int((values == 2).sum()),
            "category": code("123037004", "Anatomical Structure"), "type": code("10200004", "Liver"),
            "laterality": None, "anatomic_region": None, "colour_rgb": [221, 130, 101],
        },
        {
            "value": 7, "segment_number": 2, "name": "left kidney", "voxels": int((values == 7).sum()),
            "category": code("123037004", "Anatomical Structure"), "type": code("64033007", "Kidney"),
            "laterality": code("7771000", "Left"), "anatomic_region": None, "colour_rgb": [185, 102, 83],
        },
        {
            "value": 9, "segment_number": None, "name": "spleen", "voxels": 0,
            "category": code("123037004", "Anatomical Structure"), "type": code("78961009", "Spleen"),
            "laterality": None, "anatomic_region": None, "colour_rgb": [157, 108, 162],
        },
    ]  # fmt: skip
    document = {
        "algorithm": {
            "name": "ct_organ_seg", "version": "1.0.0", "digest": "ab" * 32,
            "family": code("123110", "Artificial Intelligence", "DCM"),
        },
        "intended_use": "Demonstration on phantoms only. Not for diagnosis, not for any clinical decision.",
        "series_description": "Organs (demonstration)", "content_label": "DEMONSTRATION", "labels": labels,
    }  # fmt: skip
    return document | overrides


def write_labels(folder: Path, values, affine, document=None):
    folder.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), folder / "labels.nii")
    document = label_document(values) if document is None else document
    (folder / "labels.json").write_text(json.dumps(document))
    return folder


class Builder:
    """Writes inputs of the stage below a temporary folder."""

    source_instance = staticmethod(source_instance)
    affine_ras = staticmethod(affine_ras)
    example_values = staticmethod(example_values)
    label_document = staticmethod(label_document)
    code = staticmethod(code)
    shape = SHAPE

    def __init__(self, folder: Path):
        self.folder = folder

    def instances(self, name="axial", count=SHAPE[2], **attributes):
        return [source_instance(k, name, **attributes) for k in range(count)]

    def source(self, instances):
        return write_source(self.folder / "source", instances)

    def labels(self, values, affine, document=None):
        return write_labels(self.folder / "labels", values, affine, document)

    def inputs(self, name="axial", values=None, document=None, **attributes):
        """Folders (labels, source) of one synthetic series."""
        instances = self.instances(name, **attributes)
        values = example_values() if values is None else values
        return self.labels(values, affine_ras(instances), document), self.source(instances)

    @staticmethod
    def context(warnings=None, **request):
        values = {"workflow": "w", "dag_run_id": "r", "stage": "write", "stage_key": "k", "output": "/o"} | request
        return ResultContext(request=StageRequest(**values), warn=(warnings if warnings is not None else []).append)


@pytest.fixture
def build(tmp_path):
    return Builder(tmp_path)
