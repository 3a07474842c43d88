"""Earlier results: which series of theirs a new one replaces."""

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from clara_stages.dicom_writer.inputs.predecessor import load_predecessors
from clara_stages.kit import BadInputError
from clara_stages.kit.instances import write_instance_list

SEG, SC, PDF, CT = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("66.4", "7", "104.1", "2"))


def write_result(folder, *objects):
    """A folder of (SOP class, series) pairs; each may have attributes as a third."""
    folder.mkdir(exist_ok=True)
    entries = []
    for number, (sop_class, series, *more) in enumerate(objects):
        header = Dataset()
        header.SOPClassUID, header.SOPInstanceUID = sop_class, f"1.9.{number}"
        header.StudyInstanceUID, header.SeriesInstanceUID, header.Manufacturer = "1.2.3", series, "clara-ops"
        header.update(more[0] if more else {})
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(folder / f"{number}.dcm", header, enforce_file_format=True)
        entries.append({"file": f"{number}.dcm", "sop_class_uid": sop_class, "sop_instance_uid": f"1.9.{number}"})
    write_instance_list(folder, entries)
    return folder


def stranger(**attributes):
    changed = Dataset()
    for keyword, value in attributes.items():
        setattr(changed, keyword, value)
    return changed


def loaded(folder):
    warnings: list[str] = []
    return load_predecessors(folder, "1.2.3", warnings.append), warnings


def test_objects_are_grouped_by_series_and_belong_to_the_output_of_their_class(tmp_path):
    found, warnings = loaded(write_result(tmp_path, (SEG, "1.5"), (SC, "1.6"), (SC, "1.6"), (PDF, "1.7"), (CT, "1.8")))
    assert warnings == []
    assert {name: earlier.series_instance_uid for name, earlier in found.items()} == {
        "seg": "1.5", "sc": "1.6", "pdf": "1.7", "image": "1.8",
    }  # fmt: skip
    assert found["sc"].instances == ((SC, "1.9.1"), (SC, "1.9.2"))
    assert found["sc"].study_instance_uid == "1.2.3"


def test_another_study_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="an object of another study"):
        loaded(write_result(tmp_path, (SEG, "1.5", stranger(StudyInstanceUID="1.2.4"))))


def test_what_others_made_is_left_out_with_a_warning(tmp_path):
    found, warnings = loaded(write_result(tmp_path, (SEG, "1.5"), (SC, "1.6", stranger(Manufacturer="ACME"))))
    assert list(found) == ["seg"]
    assert warnings == ["1 object(s) of input predecessor were not made by clara-ops: not named as predecessors"]


def test_contributing_equipment_marks_an_object_as_ours_too(tmp_path):
    item = Dataset()
    item.Manufacturer = "clara-ops"
    marked = stranger(Manufacturer="ACME", ContributingEquipmentSequence=[item])
    assert list(loaded(write_result(tmp_path, (SEG, "1.5", marked)))[0]) == ["seg"]


def test_two_series_of_one_output_are_refused(tmp_path):
    with pytest.raises(BadInputError, match="two series of output 'seg', expected one result"):
        loaded(write_result(tmp_path, (SEG, "1.5"), (SEG, "1.6")))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "0.dcm").unlink(), r"input predecessor: .* lacks a file"),
        (lambda folder: (folder / "0.dcm").write_bytes(b"no DICOM"), r"input predecessor: .* is no DICOM file"),
        (lambda folder: (folder / "instances.json").unlink(), r"the predecessor folder has no instances\.json"),
        (
            lambda folder: (folder / "instances.json").write_text('{"instances": [{"file": "../x.dcm"}]}'),
            "names a file outside its folder",
        ),
        (
            lambda folder: write_result(folder, (SEG, "1.5", stranger(SeriesInstanceUID=""))),
            "a file of input predecessor has no SeriesInstanceUID",
        ),
    ],
)
def test_a_broken_folder_is_refused_in_words(tmp_path, damage, message):
    folder = write_result(tmp_path, (SEG, "1.5"))
    damage(folder)
    with pytest.raises(BadInputError, match=message):
        loaded(folder)
