"""Frames of Enhanced objects say of themselves what classic images say, whichever functional group holds it."""

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian

from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.headers.read import read_file
from clara_stages.dicom_reader.limits import Limits
from tests.support.data import case
from tests.support.series import CORONAL, write_enhanced_series


def read(path):
    return read_file(StudyFile(path=path, label="file 1 of 1"), Limits())


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_each_frame_has_its_own_place_and_time(tmp_path, modality):
    instance, frames = read(write_enhanced_series(tmp_path, modality=modality, shape=(6, 5, 3), times=2))
    assert instance.fault == ""
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5, 6]
    assert [frame.plane.position_lps_mm for frame in frames[3:]] == [(-20, -30, 40), (-20, -30, 42.5), (-20, -30, 45)]
    assert {frame.plane.pixel_spacing_mm for frame in frames} == {(0.9, 0.8)}
    assert [frame.attributes.temporal_position for frame in frames] == [1, 1, 1, 2, 2, 2]
    assert [frame.attributes.stack_position for frame in frames] == [1, 2, 3, 1, 2, 3]
    assert frames[4].attributes.dimension_index_values == (1, 2, 2)
    assert frames[4].attributes.acquisition_time_s - frames[1].attributes.acquisition_time_s == 1
    assert (instance.header["PixelSpacing"], instance.header["SliceThickness"]) == ([0.9, 0.8], 2.5)


def test_orientation_per_frame_goes_before_the_shared_one(tmp_path):
    def change_frame(index, groups):
        if index == 1:
            groups.PlaneOrientationSequence = item(ImageOrientationPatient=list(CORONAL))

    frames = read(write_enhanced_series(tmp_path, shape=(6, 5, 2), change_frame=change_frame))[1]
    assert frames[0].plane.orientation_lps == (1, 0, 0, 0, 1, 0)
    assert frames[1].plane.orientation_lps == CORONAL


def test_what_stands_at_the_top_level_alone_holds_for_every_frame(tmp_path):
    def change(_k, dataset):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [0.5, 0.25]
        del shared.PlaneOrientationSequence, shared.PixelMeasuresSequence

    frames = read(write_enhanced_series(tmp_path, shape=(6, 5, 2), change=change))[1]
    assert frames[1].plane.orientation_lps == (1, 0, 0, 0, 1, 0)
    assert frames[1].plane.pixel_spacing_mm == (0.5, 0.25)
    assert frames[1].plane.position_lps_mm == (-20, -30, 42.5)


def test_rescale_diffusion_echo_and_phase_are_those_of_the_frame(tmp_path):
    def change_frame(index, groups):
        groups.PixelValueTransformationSequence[0].RescaleSlope = str(index + 1)
        groups.MREchoSequence[0].EffectiveEchoTime = 10.0 + index
        groups.CardiacSynchronizationSequence = item(NominalPercentageOfCardiacPhase=40.0 + index)
        groups.RespiratorySynchronizationSequence = item(NominalPercentageOfRespiratoryPhase=10.0)
        groups.MRTimingAndRelatedParametersSequence = item(FlipAngle="15")
        groups.MRModifierSequence = item(InversionTimes=[900.0])
        if index:
            direction = item(DiffusionGradientOrientation=[0.0, 0.6, 0.8])
            groups.MRDiffusionSequence = item(
                DiffusionDirectionality="DIRECTIONAL",
                DiffusionBValue=800.0,
                DiffusionGradientDirectionSequence=direction,
            )
        else:
            groups.MRDiffusionSequence = item(DiffusionDirectionality="NONE")

    frames = read(write_enhanced_series(tmp_path, shape=(6, 5, 2), change_frame=change_frame))[1]
    assert [frame.rescale.slope for frame in frames] == [1, 2]
    attributes = frames[1].attributes
    assert [frame.attributes.b_value for frame in frames] == [0, 800]
    assert [frame.attributes.diffusion_direction for frame in frames] == [None, (0.0, 0.6, 0.8)]
    assert (attributes.echo_time_ms, attributes.flip_angle_degrees, attributes.inversion_time_ms) == (11, 15, 900)
    assert (attributes.cardiac_phase_percent, attributes.respiratory_phase_percent) == (41, 10)
    assert attributes.component == "MAGNITUDE"


def test_a_real_world_value_mapping_names_the_quantity(tmp_path):
    def change_frame(_index, groups):
        groups.RealWorldValueMappingSequence = item(
            MeasurementUnitsCodeSequence=item(CodeValue="um2/s"), RealWorldValueSlope=2.0, RealWorldValueIntercept=1.0
        )

    frame = read(write_enhanced_series(tmp_path, shape=(6, 5, 2), change_frame=change_frame))[1][0]
    assert frame.attributes.quantity == "um2/s"
    assert (frame.rescale.real_world.slope, frame.rescale.real_world.unit) == (2, "um2/s")


def test_converted_attributes_of_a_legacy_object_are_those_of_its_frames(tmp_path):
    def change(_k, dataset):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.4"
        shared = dataset.SharedFunctionalGroupsSequence[0]
        shared.UnassignedSharedConvertedAttributesSequence = item(FlipAngle="30", Modality="CT", Rows=7)
        for index, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            del groups.MREchoSequence
            groups.UnassignedPerFrameConvertedAttributesSequence = item(EchoTime=str(20 + index), EchoNumbers=index + 1)

    frames = read(write_enhanced_series(tmp_path, shape=(6, 5, 2), change=change))[1]
    assert [frame.attributes.echo_time_ms for frame in frames] == [20, 21]
    assert [frame.attributes.echo_number for frame in frames] == [1, 2]
    assert (frames[0].attributes.flip_angle_degrees, frames[0].plane.rows) == (30, 5)


@pytest.mark.parametrize(("frames", "found"), [(5, "more than 5"), (7, "6")])
def test_groups_for_another_number_of_frames_are_a_fault(tmp_path, frames, found):
    path = write_enhanced_series(tmp_path, change=lambda _k, data: setattr(data, "NumberOfFrames", frames))
    instance, only = read(path)
    assert instance.fault == f"an object with functional groups of {found} frames, but Number of Frames {frames}"
    assert [frame.number for frame in only] == [None]


def test_sequences_of_undefined_length_and_of_implicit_vr_read_the_same(tmp_path):
    path = write_enhanced_series(tmp_path, shape=(6, 5, 3), times=2)
    dataset = pydicom.dcmread(path)

    def loosen(data_set):
        for element in data_set:
            if element.VR == "SQ":
                element.is_undefined_length = True
                for child in element.value:
                    child.is_undefined_length_sequence_item = True
                    loosen(child)

    expected = [(frame.plane, frame.rescale, frame.attributes) for frame in read(path)[1]]
    loosen(dataset)
    dataset.save_as(tmp_path / "loose")
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(tmp_path / "implicit", implicit_vr=True, little_endian=True)
    for name in ("loose", "implicit"):
        assert [(frame.plane, frame.rescale, frame.attributes) for frame in read(tmp_path / name)[1]] == expected


def test_broken_functional_groups_are_a_fault(tmp_path):
    path = write_enhanced_series(tmp_path)
    whole = path.read_bytes()
    at = whole.index(b"\x20\0\x13\x91SQ")
    path.write_bytes(whole[: at + 8] + b"\xff\xff\xff\x0f" + whole[at + 12 :])
    assert read(path)[0].fault == "a broken header (BrokenElementError)"


@pytest.mark.data
def test_scanners_of_three_makers_are_read(tmp_path):
    hyperfine = read(case("mr-enhanced") / "hyperfine" / "001.dcm")[1]
    assert [frame.plane.position_lps_mm[2] for frame in hyperfine] == [-175 + 5 * k for k in range(8)]
    philips = read(next((case("mr-enhanced") / "philips-4d").glob("*.dcm")))[1]
    assert sorted({frame.attributes.temporal_position for frame in philips}) == [1, 2, 3, 4]
    assert {frame.plane.frame_of_reference_uid for frame in philips} == {""}
    siemens = [read(path)[1] for path in sorted((case("mr-enhanced-xa10") / "dicom").iterdir())]
    assert [len({frame.plane.position_lps_mm for frame in frames}) for frames in siemens] == [6, 6, 6, 6]
    assert len({frames[0].attributes.acquisition_time_s for frames in siemens}) == 4


@pytest.mark.data
def test_a_legacy_converted_ct_lies_where_its_source_images_lie():
    folder = case("seg-bit-packing")
    frames = read(folder / "multiframe" / "mf.dcm")[1]
    sources = [read(path)[1][0] for path in (folder / "image").glob("*.dcm")]
    assert {frame.plane.position_lps_mm for frame in frames} == {frame.plane.position_lps_mm for frame in sources}
    assert {frame.plane.pixel_spacing_mm for frame in frames} == {frame.plane.pixel_spacing_mm for frame in sources}
