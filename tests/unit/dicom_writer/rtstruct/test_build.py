import json
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTStructureSetStorage

from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.inputs.segments import Segments
from clara_stages.dicom_writer.rtstruct.build import build
from clara_stages.dicom_writer.rtstruct.check import check
from clara_stages.kit import BadInputError
from tests.support.writing_sources import GEOMETRIES

PLACED = sorted(set(GEOMETRIES) - {"projection", "no_frame_of_reference"})


def built(job):
    ((name, dataset),) = build(job)
    assert name == "rtstruct.dcm"
    return dataset


def contours(dataset, number=1):
    (region,) = [item for item in dataset.ROIContourSequence if item.ReferencedROINumber == number]
    return region.ContourSequence


def with_labels(job, **changes):
    """The job, with its first label changed."""
    first, *others = job.segments.table.labels
    table = replace(job.segments.table, labels=(replace(first, **changes), *others))
    return replace(job, segments=replace(job.segments, table=table))


@pytest.mark.parametrize("holes", ["keyhole", "xor"])
@pytest.mark.parametrize("geometry", PLACED)
def test_every_geometry_says_what_the_segments_say(job_of, write, geometry, holes):
    job, _ = job_of(geometry, params={"holes": holes})
    assert list(check([write(job)], job)) == []


@pytest.mark.parametrize("form", ["segment_stack", "probability_map"])
def test_overlapping_segments_and_probabilities_are_drawn_each_for_itself(job_of, write, form):
    job, _ = job_of("axial", form=form)
    assert (job.segments.mask(1) & job.segments.mask(3)).any()
    assert list(check([write(job)], job)) == []


def test_equal_jobs_make_equal_bytes(job_of, write):
    job, _ = job_of()
    assert write(job, "one.dcm").read_bytes() == write(replace(job, written={}), "two.dcm").read_bytes()


def test_it_is_an_unapproved_structure_set_of_the_source_in_its_frame_of_reference(job_of):
    job, _ = job_of()
    dataset = built(job)
    assert (dataset.SOPClassUID, dataset.Modality) == (RTStructureSetStorage, "RTSTRUCT")
    assert dataset.ApprovalStatus == "UNAPPROVED"
    assert dataset.StructureSetLabel == "DEMONSTRATION"
    assert dataset.FrameOfReferenceUID == job.source.frame_of_reference_uid
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    (study,) = frame.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    images = [item.ReferencedSOPInstanceUID for item in series.ContourImageSequence]
    assert images == [image.sop_instance_uid for image in job.source.slices]


def test_a_region_says_who_drew_it_and_what_it_is(job_of):
    job, _ = job_of()
    dataset = built(job)
    named, drawn = dataset.StructureSetROISequence[1], dataset.ROIContourSequence[1]
    observed = dataset.RTROIObservationsSequence[1]
    assert (named.ROINumber, named.ROIName, named.ROIGenerationAlgorithm) == (2, "left kidney", "AUTOMATIC")
    assert named.ROIGenerationDescription == "ct_organ_seg 1.0.0 abababababab"
    assert named.ROIDerivationAlgorithmIdentificationSequence[0].AlgorithmParameters == f"digest={'ab' * 32}"
    assert list(drawn.ROIDisplayColor) == [185, 102, 83]
    assert (observed.RTROIInterpretedType, observed.ROIInterpreter) == ("ORGAN", None)
    (kidney,) = observed.RTROIIdentificationCodeSequence
    assert kidney.CodeValue == "64033007"
    assert kidney.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "7771000"


def test_frames_of_a_multi_frame_source_are_named_by_number(job_of):
    job, _ = job_of("enhanced_4d")
    dataset = built(job)
    (series,) = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence
    (image,) = series.ContourImageSequence
    assert list(image.ReferencedFrameNumber) == [item.frame for item in job.source.slices]
    named = {contour.ContourImageSequence[0].ReferencedFrameNumber for contour in contours(dataset)}
    assert named <= set(image.ReferencedFrameNumber)
    assert len(named) > 1


def test_a_segment_that_nobody_says_who_drew_has_an_empty_generation_algorithm(job_of, write):
    job = with_labels(job_of()[0], algorithm_type="")
    named = built(job).StructureSetROISequence[0]
    assert named.ROIGenerationAlgorithm == ""
    assert "ROIDerivationAlgorithmIdentificationSequence" not in named
    assert "ROIGenerationDescription" not in named
    assert list(check([write(job)], job)) == []


def test_a_tumour_is_no_gross_tumour_volume_unless_the_table_says_so(job_of, write):
    job = job_of()[0]
    lesion = replace(
        job.segments.table.labels[0].category, value="49755003", meaning="Morphologically Altered Structure"
    )
    tumour = with_labels(job, category=lesion)
    assert built(tumour).RTROIObservationsSequence[0].RTROIInterpretedType == ""
    stated = with_labels(job, category=lesion, interpreted_type="GTV")
    assert built(stated).RTROIObservationsSequence[0].RTROIInterpretedType == "GTV"
    assert list(check([write(stated)], stated)) == []


def test_the_side_belongs_to_the_anatomic_region_where_there_is_one(job_of, write):
    job = job_of()[0]
    kidney = job.segments.table.labels[1]
    job = with_labels(job, anatomic_region=kidney.type, laterality=kidney.laterality)
    observed = built(job).RTROIObservationsSequence[0]
    assert observed.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeMeaning == "Left"
    assert "SegmentedPropertyTypeModifierCodeSequence" not in observed.RTROIIdentificationCodeSequence[0]
    assert list(check([write(job)], job)) == []


def test_a_name_that_another_region_has_ends_in_the_segment_number(job_of, write):
    job = with_labels(job_of()[0], name="Aorta " + "x" * 70)
    first, second, third = job.segments.table.labels
    table = replace(job.segments.table, labels=(first, replace(second, name=first.name.upper()), third))
    job = replace(job, segments=replace(job.segments, table=table))
    names = [item.ROIName for item in built(job).StructureSetROISequence]
    assert len({name.casefold() for name in names}) == 3
    assert names[1].endswith(" (2)")
    assert all(len(name) <= 64 for name in names)
    assert list(check([write(job)], job)) == []


def test_empty_segments_are_left_out_or_kept_without_a_contour(job_of, write):
    left_out, _ = job_of("axial", empty=("left kidney",))
    assert [item.ROIName for item in built(left_out).StructureSetROISequence] == ["liver", "aorta"]
    kept, _ = job_of("axial", empty=("left kidney",), params={"empty_segments": "keep"})
    dataset = built(kept)
    assert [item.ROIName for item in dataset.StructureSetROISequence] == ["liver", "aorta", "left kidney"]
    assert "ContourSequence" not in dataset.ROIContourSequence[2]
    assert list(check([write(kept)], kept)) == []


def test_only_regions_with_a_hole_are_combined_by_xor(job_of):
    job, _ = job_of("axial", params={"holes": "xor"})
    dataset = built(job)
    assert {contour.ContourGeometricType for contour in contours(dataset, 1)} == {"CLOSEDPLANAR_XOR"}
    assert {contour.ContourGeometricType for contour in contours(dataset, 2)} == {"CLOSED_PLANAR"}


@pytest.mark.parametrize(
    ("geometry", "found"),
    [("oblique", "oblique to the axes"), ("tilted", "tilted by 14.0 degrees"), ("sagittal", "not axial")],
)
def test_slices_that_planning_systems_refuse_are_warned_of(job_of, geometry, found):
    job, _ = job_of(geometry)
    warnings: list[str] = []
    built(replace(job, warn=warnings.append))
    (warning,) = warnings
    assert found in warning
    assert "planning systems refuse such an RTSTRUCT" in warning


def test_axial_slices_are_written_without_a_warning(job_of):
    for geometry in ("axial", "feet_first", "uneven"):
        warnings: list[str] = []
        built(replace(job_of(geometry)[0], warn=warnings.append))
        assert warnings == []


def test_the_predecessor_is_named(job_of):
    earlier = Predecessor(
        study_instance_uid="1.2", series_instance_uid="1.2.3", instances=((str(RTStructureSetStorage), "1.2.3.4"),)
    )
    dataset = built(replace(job_of()[0], predecessors={"rtstruct": earlier}))
    (item,) = dataset.PredecessorStructureSetSequence
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == (RTStructureSetStorage, "1.2.3.4")


def test_coordinates_have_no_more_characters_than_ds_and_lie_on_voxel_edges(job_of):
    job, _ = job_of("oblique")
    for contour in contours(built(job)):
        texts = contour["ContourData"].value.split("\\")
        assert max(map(len, texts)) <= 16
        assert len(texts) == 3 * contour.NumberOfContourPoints


def test_a_contour_too_long_for_an_explicit_length_makes_the_file_implicit(job_of, write):
    job, _ = job_of("axial", shape=(128, 128, 2))
    assert built(job).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    grid = np.zeros(job.segments.shape, dtype=np.uint8)
    grid[::2, :, 0], grid[:, 64, 0] = 1, 1  # a comb: one part of some thousand corners
    grid[1::4, ::2, 0] = 1
    label = replace(job.segments.table.labels[0], value=1, voxels=int(grid.sum()))
    segments = Segments(
        form=job.segments.form, values=grid, affine_ras=job.segments.affine_ras,
        table=replace(job.segments.table, labels=(label,)),
    )  # fmt: skip
    job = replace(job, segments=segments)
    path = write(job)
    dataset = dcmread(path)
    assert dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert max(len(contour.get_item("ContourData").value) for contour in contours(dataset)) > 65534
    assert list(check([path], job)) == []


def test_without_segments_it_says_what_to_join(job_of):
    job, _ = job_of("axial", with_segments=False)
    with pytest.raises(BadInputError, match=r"output 'rtstruct' needs segments"):
        built(job)


def test_a_segment_that_no_source_slice_shows_is_warned_of_and_has_no_contour(job_of, write):
    job, _ = job_of("uneven")
    grid = np.zeros(job.segments.shape, dtype=np.uint8)
    shown = {int(np.floor(index[2] + 0.5)) for index in job.source.origin_index}
    between = next(k for k in range(grid.shape[2]) if k not in shown)
    grid[10:14, 10:14, between] = 1
    label = replace(job.segments.table.labels[0], value=1, voxels=16)
    table = replace(job.segments.table, labels=(label,))
    warnings: list[str] = []
    job = replace(job, segments=replace(job.segments, values=grid, table=table), warn=warnings.append)
    assert list(check([write(job)], job)) == []
    assert warnings == ["segment 1 has no voxel on a source slice: its region has no contour"]


def test_no_value_of_the_patient_is_in_a_warning(job_of):
    warnings: list[str] = []
    built(replace(job_of("oblique")[0], warn=warnings.append))
    assert "PHANTOM1" not in json.dumps(warnings)
