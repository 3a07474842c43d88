import subprocess
from dataclasses import replace

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK

from clara_stages.dicom_writer.image_series.build import build
from clara_stages.dicom_writer.image_series.check import check
from clara_stages.dicom_writer.inputs.volume import load_volume
from clara_stages.kit import BadInputError
from tests.support.peers import require_program
from tests.support.reading import run_stage
from tests.support.writing import make_job, save_results
from tests.support.writing_sources import GEOMETRIES

PLACED = [name for name in GEOMETRIES if name not in ("projection", "no_frame_of_reference")]
SHAPE = (16, 14, 8)


def write(job, folder):
    return save_results(build(job), folder)


@pytest.fixture
def written(tmp_path):
    """Job and files of a geometry."""

    def make(geometry="axial", **options):
        job = make_job(tmp_path / "job", geometry, outputs=("image",), **({"shape": SHAPE} | options))
        return job, write(job, tmp_path / "images")

    return make


@pytest.mark.parametrize("geometry", PLACED)
def test_every_plane_of_the_volume_is_an_image_with_its_place_and_values(written, geometry):
    job, files = written(geometry)
    assert [path.name for path in files] == [f"image_{k + 1:04d}.dcm" for k in range(job.volume.values.shape[2])]
    assert list(check(files, job)) == []
    images = [pydicom.dcmread(path) for path in files]
    assert {image.get("FrameOfReferenceUID", "") for image in images} == {job.source.frame_of_reference_uid}
    assert len({image.SOPInstanceUID for image in images}) == len(files)
    assert {image.SeriesInstanceUID for image in images} == {job.uid("image series")}


@pytest.mark.parametrize("geometry", PLACED)
def test_our_reader_gets_the_same_volume_back(written, tmp_path, geometry):
    job, files = written(geometry)
    out = tmp_path / "again"
    out.mkdir()
    run_stage(files[0].parent, out)
    image = nibabel.load(out / "volume" / "volume.nii")
    np.testing.assert_array_equal(np.asarray(image.dataobj), job.volume.values)
    np.testing.assert_allclose(image.affine, job.volume.affine_ras, atol=1e-4)


@pytest.mark.parametrize(("modality", "geometry"), [("MR", "oblique"), ("PT", "feet_first"), ("PT", "enhanced")])
def test_mr_and_pet_are_read_back_in_their_unit(written, tmp_path, modality, geometry):
    job, files = written(geometry, modality=modality)
    assert list(check(files, job)) == []
    out = tmp_path / "again"
    out.mkdir()
    _, series = run_stage(files[0].parent, out, pet="activity" if geometry == "enhanced" else "suv")
    assert (series["modality"], series["unit"]) == (modality, job.volume.unit)
    values = np.asarray(nibabel.load(out / "volume" / "volume.nii").dataobj)
    np.testing.assert_allclose(values, job.volume.values, atol=np.abs(job.volume.values).max() / 65000)


@pytest.mark.parametrize("geometry", ["axial", "coronal", "sagittal", "feet_first", "oblique", "tilted", "uneven"])
def test_simple_itk_finds_the_same_volume(written, geometry):
    job, files = written(geometry)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files])
    image = reader.Execute()
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).transpose(), job.volume.values)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    axes = direction * np.array(image.GetSpacing())
    np.testing.assert_allclose(np.diag([-1, -1, 1]) @ axes, job.volume.affine_ras[:3, :3], atol=1e-4)
    np.testing.assert_allclose(np.array(image.GetOrigin()) * (-1, -1, 1), job.volume.affine_ras[:3, 3], atol=1e-4)


@pytest.mark.peers
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("geometry", ["axial", "oblique", "tilted", "enhanced", "feet_first", "enhanced_4d", "uneven"])
def test_dciodvfy_finds_no_error(written, modality, geometry):
    program = require_program("dciodvfy")
    _, files = written(geometry, modality=modality)
    for path in (files[0], files[-1]):
        found = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
        assert [line for line in found.stderr.splitlines() if line.startswith(("Error", "Warning"))] == []


def test_a_sheared_volume_keeps_its_slices_where_they_were(written):
    job, files = written("tilted", reader={"tilt": "shear"})
    assert list(check(files, job)) == []
    for item, path in zip(job.source.slices, files, strict=True):
        image = pydicom.dcmread(path)
        np.testing.assert_allclose(np.array(image.ImagePositionPatient, float), item.position_lps_mm, atol=1e-4)
        assert [item.ReferencedSOPInstanceUID for item in image.SourceImageSequence] == [item.sop_instance_uid]


def test_equal_jobs_make_equal_bytes(tmp_path):
    contents = []
    for name in ("one", "other"):
        job = make_job(tmp_path / name, "oblique", modality="PT", outputs=("image",), shape=SHAPE)
        contents.append([path.read_bytes() for path in write(job, tmp_path / f"{name} images")])
    assert contents[0] == contents[1]


def test_resampled_planes_name_the_slices_on_both_sides(written):
    job, files = written("uneven")
    places = job.source.origin_index[:, 2]
    for k, path in enumerate(files):
        image = pydicom.dcmread(path)
        named = {item.ReferencedSOPInstanceUID for item in image.SourceImageSequence}
        expected = [np.flatnonzero(places <= k + 0.01)[-1], np.flatnonzero(places >= k - 0.01)[0]]
        assert named == {job.source.slices[index].sop_instance_uid for index in expected}
        assert [item.CodeMeaning for item in image.DerivationCodeSequence] == ["Spatial resampling"]
        assert "Resampled onto even, orthogonal planes by linear interpolation." in image.DerivationDescription


def test_frames_of_the_time_point_are_named(written):
    _, files = written("enhanced_4d")
    image = pydicom.dcmread(files[2])
    (reference,) = image.SourceImageSequence
    assert reference.ReferencedFrameNumber == SHAPE[2] + 3
    assert image.DerivationDescription.endswith("One of 3 time points.")
    assert (image.AcquisitionDate, image.AcquisitionTime) == ("20260102", "080001")


def test_an_enhanced_mr_image_becomes_a_classic_one(written):
    def change(_, dataset):
        dataset.EchoPulseSequence = "GRADIENT"
        dataset.SharedFunctionalGroupsSequence[0].MRModifierSequence[0].Spoiling = "RF"

    _, files = written("enhanced", modality="MR", change=change)
    image = pydicom.dcmread(files[0])
    assert (image.ScanningSequence, image.SequenceVariant) == ("GR", "SP")
    assert (image.RepetitionTime, image.EchoTime, image.FlipAngle) == (2000, 80, 90)
    assert (image.ImagedNucleus, image.WindowWidth, image.SpacingBetweenSlices) == ("1H", 400, 5)
    assert image.InPlanePhaseEncodingDirection == "COL"
    assert "RescaleSlope" not in image


def test_terms_that_classic_images_do_not_have_are_left_out(written):
    def change(_, dataset):
        dataset.MRAcquisitionType = "CONCATENATED 3D"
        dataset.SharedFunctionalGroupsSequence[0].MRFOVGeometrySequence[0].InPlanePhaseEncodingDirection = "OTHER"

    _, files = written("enhanced", modality="MR", change=change)
    image = pydicom.dcmread(files[0])
    assert (image.MRAcquisitionType, "InPlanePhaseEncodingDirection" in image) == ("", False)


def test_an_mr_source_that_names_no_sequence_claims_none(written):
    def change(_, dataset):
        del dataset.ScanningSequence, dataset.SequenceVariant, dataset.EchoTime

    warnings: list[str] = []
    _, files = written(modality="MR", change=change, warnings=warnings)
    image = pydicom.dcmread(files[0])
    assert (image.ScanningSequence, image.SequenceVariant, image.EchoTime) == ("RM", "NONE", None)
    assert [text for text in warnings if "ScanningSequence, SequenceVariant, EchoTime" in text]


def test_pet_has_no_intercept_and_says_its_unit(written):
    job, files = written(modality="PT")
    images = [pydicom.dcmread(path) for path in files]
    assert {(image.Units, image.SUVType, float(image.RescaleIntercept)) for image in images} == {("GML", "BW", 0.0)}
    assert [image.ImageIndex for image in images] == list(range(1, 9))
    assert float(images[0].RescaleSlope) == pytest.approx(float(job.volume.values.max()) / 32767)
    assert "WindowCenter" not in images[0]
    assert "SUV by body weight" in images[0].DerivationDescription


@pytest.mark.parametrize("keyword", ["CountsSource", "DecayCorrection", "FrameReferenceTime", "DecayFactor"])
def test_what_a_pet_image_cannot_be_without_is_named(tmp_path, keyword):
    job = make_job(
        tmp_path, modality="PT", shape=SHAPE, change=lambda _, dataset: delattr(dataset, keyword),
        reader={"pet": "activity"},
    )  # fmt: skip
    with pytest.raises(BadInputError, match=f"the source has no {keyword}, which is Type 1 in a PET image"):
        list(build(job))


def remade(tmp_path, values, modality="CT", **options):
    """A job whose volume has other values."""
    job = make_job(tmp_path / "job", modality=modality, shape=SHAPE, **options)
    path = tmp_path / "job" / "read" / "volume" / "volume.nii"
    image = nibabel.load(path)
    path.unlink()
    nibabel.save(nibabel.Nifti1Image(values, image.affine), path)
    return replace(job, volume=load_volume(path.parent, 0))


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize(("low", "high"), [(-1000.5, 3000.25), (0.0, 1e-4), (1e6, 1e6 + 7), (-3.5, -1.25)])
def test_fractions_are_stored_within_half_a_step(tmp_path, modality, low, high):
    values = np.random.default_rng(1).uniform(low, high, SHAPE).astype(np.float32)
    job = remade(tmp_path, values, modality)
    files = write(job, tmp_path / "images")
    assert list(check(files, job)) == []
    if modality != "PT":
        assert float(pydicom.dcmread(files[0]).RescaleSlope) == pytest.approx(np.ptp(values) / 65534, rel=1e-6)


def test_a_coarse_step_is_told(tmp_path):
    values = np.random.default_rng(1).uniform(1e6, 1e6 + 7, SHAPE).astype(np.float32)
    warnings: list[str] = []
    list(build(remade(tmp_path, values, "PT", warnings=warnings)))
    assert [text for text in warnings if "store values in steps of 30.52: errors are up to" in text]


@pytest.mark.parametrize("value", [7.0, 0.5, 0.0, 1e5])
@pytest.mark.parametrize("modality", ["CT", "PT"])
def test_one_value_everywhere_is_stored(tmp_path, modality, value):
    job = remade(tmp_path, np.full(SHAPE, value, np.float32), modality)
    files = write(job, tmp_path / "images")
    assert list(check(files, job)) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_voxel_that_is_not_finite_is_refused(tmp_path, value):
    values = np.zeros(SHAPE, np.float32)
    values[3, 4, 5] = value
    with pytest.raises(BadInputError, match="has a voxel that is not finite"):
        list(build(remade(tmp_path, values)))


def test_other_modalities_are_refused_by_name(tmp_path):
    with pytest.raises(BadInputError, match="cannot be written for modality 'DX', expected CT, MR, PT"):
        list(build(make_job(tmp_path, "projection")))


def test_no_volume_is_refused_by_name(tmp_path):
    with pytest.raises(BadInputError, match="output 'image' needs the voxel values, input volume is not given"):
        list(build(make_job(tmp_path, with_volume=False, shape=SHAPE)))


def test_burned_in_text_and_lossy_compression_stay_known(written):
    def change(_, dataset):
        dataset.BurnedInAnnotation = "YES"
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 12.5
        dataset.LossyImageCompressionMethod = "ISO_10918_1"

    _, files = written(change=change)
    image = pydicom.dcmread(files[0])
    assert (image.BurnedInAnnotation, image.LossyImageCompression) == ("YES", "01")
    assert (image.LossyImageCompressionRatio, image.LossyImageCompressionMethod) == (12.5, "ISO_10918_1")


@pytest.mark.filterwarnings("ignore:The value length")
def test_invalid_attributes_of_the_source_are_not_taken_over(written):
    def change(_, dataset):
        dataset.WindowWidth = None
        dataset.ScanOptions = "not a code string"
        dataset.KVP = None

    _, files = written(change=change)
    image = pydicom.dcmread(files[0])
    assert ("WindowCenter" in image, "ScanOptions" in image, image.KVP) == (False, False, None)


def test_the_window_of_each_slice_is_kept(written):
    def change(k, dataset):
        dataset.WindowCenter, dataset.WindowWidth = [40 + k, -500], [400, 1500]

    _, files = written(change=change)
    assert [list(pydicom.dcmread(path).WindowCenter) for path in files[:2]] == [[40, -500], [41, -500]]
