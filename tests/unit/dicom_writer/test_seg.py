import numpy as np
import pytest
from highdicom.color import CIELabColor
from pydicom.uid import SegmentationStorage

from clara_stages.dicom_writer.equipment import MANUFACTURER
from clara_stages.dicom_writer.label_map import load_label_map
from clara_stages.dicom_writer.seg import build_segmentation
from clara_stages.dicom_writer.source_series import load_source_series


@pytest.fixture
def segment(build):
    def run(name="axial", warnings=None, document=None, request=None, **attributes):
        labels, source = build.inputs(name, document=document, **attributes)
        context = build.context(warnings, **(request or {}))
        return build_segmentation(load_label_map(labels), load_source_series(source), context)

    return run


def test_frames_are_written_only_where_a_segment_has_voxels(segment):
    result = segment()
    numbers = [
        int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        for group in result.PerFrameFunctionalGroupsSequence
    ]
    assert numbers == [1, 1, 1, 2, 2, 2, 2]
    assert (result.SegmentationType, result.NumberOfFrames, result.SOPClassUID) == ("BINARY", 7, SegmentationStorage)


def references(result):
    """(segment number, k) of each frame, k from the SOP Instance UID that the frame refers to."""
    groups = result.PerFrameFunctionalGroupsSequence
    items = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups]
    slices = [int(item.ReferencedSOPInstanceUID.rpartition(".")[2]) - 1 for item in items]
    numbers = [int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber) for group in groups]
    return list(zip(numbers, slices, strict=True))


@pytest.mark.parametrize("name", ["axial", "feet first", "prone", "coronal", "sagittal", "oblique"])
def test_every_frame_holds_the_slice_that_it_refers_to(build, segment, name):
    result = segment(name)
    values = build.example_values()
    assert sorted(references(result)) == [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (2, 4), (2, 5)]
    for frame, (number, k) in zip(result.pixel_array, references(result), strict=True):
        np.testing.assert_array_equal(frame, (values[..., k] == (2, 7)[number - 1]).T)


def test_segments_carry_codes_colour_and_algorithm(segment):
    liver, kidney = segment().SegmentSequence
    assert (liver.SegmentNumber, liver.SegmentLabel, liver.SegmentAlgorithmType) == (1, "liver", "AUTOMATIC")
    assert liver.SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    assert liver.SegmentedPropertyCategoryCodeSequence[0].CodeMeaning == "Anatomical Structure"
    assert tuple(liver.RecommendedDisplayCIELabValue) == CIELabColor.from_rgb(221, 130, 101).value
    algorithm = liver.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("ct_organ_seg", "1.0.0")
    assert algorithm.AlgorithmParameters == "digest=" + "ab" * 32
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
    side = kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert (side.CodingSchemeDesignator, side.CodeMeaning) == ("SCT", "Left")


def test_the_side_belongs_to_the_region_where_there_is_one(build, segment):
    document = build.label_document(build.example_values())
    document["labels"][1]["anatomic_region"] = build.code("64033007", "Kidney")
    document["labels"][1]["type"] = build.code("108369006", "Neoplasm")
    kidney = segment(document=document).SegmentSequence[1]
    region = kidney.AnatomicRegionSequence[0]
    assert (region.CodeMeaning, region.AnatomicRegionModifierSequence[0].CodeMeaning) == ("Kidney", "Left")
    assert "SegmentedPropertyTypeModifierCodeSequence" not in kidney.SegmentedPropertyTypeCodeSequence[0]


def test_the_result_says_what_it_is_for(segment):
    result = segment()
    assert result.ContentLabel == "DEMONSTRATION"
    assert result.SeriesDescription == "Organs (demonstration)"
    assert result.ContentDescription == "Demonstration on phantoms only. Not for diagnosis, not for..."


def test_a_segment_drawn_by_hand_names_no_algorithm(build, segment):
    """Segmentation Algorithm Identification Sequence is for AUTOMATIC and SEMIAUTOMATIC (PS3.3 C.8.20.4)."""
    document = build.label_document(build.example_values())
    document["labels"][0]["algorithm_type"] = "MANUAL"
    document["labels"][1]["algorithm_type"] = "SEMIAUTOMATIC"
    by_hand, corrected = segment(document=document).SegmentSequence
    assert (by_hand.SegmentAlgorithmType, corrected.SegmentAlgorithmType) == ("MANUAL", "SEMIAUTOMATIC")
    assert "SegmentationAlgorithmIdentificationSequence" not in by_hand
    assert "SegmentAlgorithmName" not in by_hand
    assert corrected.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "ct_organ_seg"


def test_a_result_without_a_stated_use_states_none(build, segment):
    result = segment(document=build.label_document(build.example_values(), intended_use=""))
    assert not result.get("ContentDescription")
    ours = next(item for item in result.ContributingEquipmentSequence if item.Manufacturer == MANUFACTURER)
    assert "clinical decision" not in ours.ContributionDescription


def test_contributing_equipment_names_us_and_the_scanner(segment):
    result = segment(request={"installation": "site-a"})
    equipment = {item.Manufacturer: item for item in result.ContributingEquipmentSequence}
    ours = equipment[MANUFACTURER]
    assert ours.Manufacturer == "clara-ops"
    assert ours.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert ours.DeviceSerialNumber == "site-a"
    assert ours.ContributionDescription.endswith("not for any clinical decision.")
    assert equipment["ACME"].PurposeOfReferenceCodeSequence[0].CodeMeaning == "Acquisition Equipment"


def test_dates_come_from_the_source(segment):
    result = segment()
    assert (result.ContentDate, result.ContentTime) == ("20210304", "103005.500000")
    assert (result.SeriesDate, result.InstanceCreationTime) == ("20210304", "103005.500000")
    assert (result.StudyDate, result.StudyTime) == ("20210304", "101112")


def test_a_source_without_a_date_gives_a_date_that_nobody_takes_for_real(segment):
    warnings: list[str] = []
    result = segment(warnings=warnings, ContentDate=None, StudyDate="")
    assert (result.ContentDate, result.ContentTime) == ("19000101", "000000")
    assert "the source states no date: the result's dates are 1900-01-01" in warnings


def uids(result):
    return result.SOPInstanceUID, result.SeriesInstanceUID, result.DimensionIndexSequence[0].DimensionOrganizationUID


def test_uids_depend_on_key_installation_and_rollout_mode_only(segment):
    requests = [{}, {"stage_key": "other"}, {"installation": "site-b"}, {"rollout_mode": "test"}]
    found = [uids(segment(request=request)) for request in requests]
    assert len({uid for result in found for uid in result}) == 12
    assert all(uid.startswith("2.25.") for result in found for uid in result)
    assert uids(segment(request={"dag_run_id": "again", "attempt": 3})) == found[0]


def test_one_dimension_organization_uid_is_used_throughout(segment):
    result = segment()
    named = {item.DimensionOrganizationUID for item in result.DimensionIndexSequence}
    assert named == {result.DimensionOrganizationSequence[0].DimensionOrganizationUID}


@pytest.mark.parametrize("attributes", [{"SliceThickness": None}, {"SliceThickness": ""}, {"SliceThickness": 0}])
def test_slice_thickness_is_taken_from_the_spacing_where_it_is_missing(segment, attributes):
    warnings: list[str] = []
    measures = segment(warnings=warnings, **attributes).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SliceThickness) == 2.5
    assert warnings == ["the source states no SliceThickness: 2.500 mm taken from the spacing"]


def test_series_number_follows_the_source(segment):
    assert segment().SeriesNumber == 9003
    assert segment(SeriesNumber=None).SeriesNumber == 9000
    assert segment(SeriesNumber=2**31 - 1).SeriesNumber == 9000


def test_a_lossy_source_makes_a_lossy_result(segment):
    result = segment(
        LossyImageCompression="01", LossyImageCompressionRatio="8", LossyImageCompressionMethod="ISO_10918_1"
    )
    assert (result.LossyImageCompression, result.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert segment().LossyImageCompression == "00"


def test_the_character_set_of_the_source_is_kept(segment):
    result = segment()
    assert result.SpecificCharacterSet == "ISO_IR 100"
    assert str(result.PatientName) == "Müller^Anna"


def test_utf_8_is_used_where_the_character_set_of_the_source_is_too_small(build, segment):
    document = build.label_document(build.example_values())
    document["labels"][0]["name"] = "肝臓"
    warnings: list[str] = []
    result = segment(document=document, warnings=warnings)
    assert result.SpecificCharacterSet == "ISO_IR 192"
    assert str(result.PatientName) == "Müller^Anna"
    assert any("written as UTF-8" in warning for warning in warnings)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_character_set_that_nobody_knows_becomes_utf_8(segment):
    assert segment(SpecificCharacterSet="ISO_IR 999").SpecificCharacterSet == "ISO_IR 192"
