"""What tells the volumes of a series apart, by the Standard and by the makers' private elements."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from clara_stages.dicom_reader.headers.files import StudyFile
from clara_stages.dicom_reader.headers.read import read_file
from clara_stages.dicom_reader.limits import Limits
from tests.support.data import case
from tests.support.series import write_series


def attributes(folder, change=None, modality="MR"):
    only = None if change is None else lambda _k, dataset: change(dataset)
    path = write_series(folder, modality=modality, shape=(6, 5, 1), change=only)[0]
    return read_file(StudyFile(path=path, label="file 1 of 1"), Limits())[1][0].attributes


def private(group, creator, element, vr, value, block=0x10):
    def change(dataset):
        dataset.add_new((group, block), "LO", creator)
        dataset.add_new((group, block << 8 | element), vr, value)

    return change


@pytest.mark.parametrize(
    ("change", "is_mosaic"),
    [
        (private(0x0019, "SIEMENS MR HEADER", 0x0A, "US", 48), True),
        (private(0x0019, "SIEMENS MR HEADER", 0x0A, "UN", b"\x30\x00"), True),
        (private(0x0065, "Image Private Header", 0x50, "DS", "30"), True),
        (private(0x0065, "Image Private Header", 0x50, "DS", "1"), False),
        (private(0x0019, "ANOTHER CREATOR", 0x0A, "US", 48), False),
    ],
)
def test_a_mosaic_is_known_by_its_number_of_tiles_where_image_type_does_not_say_so(tmp_path, change, is_mosaic):
    assert ("MOSAIC" in attributes(tmp_path, change).image_type) is is_mosaic


def test_standard_attributes_of_a_classic_image_are_read(tmp_path):
    def change(dataset):
        dataset.EchoNumbers = 2
        dataset.InversionTime = "150"
        dataset.FlipAngle = "12"
        dataset.TemporalPositionIdentifier = 3
        dataset.TriggerTime = "33.5"
        dataset.AcquisitionTime = "080001.5"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "P", "ND"]
        dataset.SequenceVariant = ["SK", "SP"]

    found = attributes(tmp_path, change)
    assert (found.echo_number, found.echo_time_ms, found.inversion_time_ms) == (2, 80, 150)
    assert (found.flip_angle_degrees, found.temporal_position, found.trigger_time_ms) == (12, 3, 33.5)
    assert (found.component, found.scanning_sequence, found.acquisition_number) == ("PHASE", "SE/SK/SP", 1)
    assert found.acquisition_time_s - found.content_time_s == 1.5
    assert found.content_time_s == 1767340800.0  # 2026-01-02 08:00:00


@pytest.mark.parametrize(
    ("change", "b_value"),
    [
        (lambda data: setattr(data, "DiffusionBValue", 750.0), 750),
        (private(0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "400"), 400),
        (private(0x0019, "SIEMENS MR HEADER", 0x0C, "OB", b"50"), 50),
        (private(0x0019, "SIEMENS MR HEADER", 0x0C, "UN", b"400 ", block=0x11), 400),
        (private(0x0019, "ANOTHER CREATOR", 0x0C, "IS", "400"), None),
        (private(0x0043, "GEMS_PARM_01", 0x39, "IS", ["1000000800", "8", "0", "0"]), 800),
        (private(0x0043, "GEMS_PARM_01", 0x39, "IS", ["600", "8", "0", "0"]), 600),
        (private(0x2001, "Philips Imaging DD 001", 0x03, "FL", 1000.0), 1000),
        (private(0x0065, "Image Private Header", 0x09, "FD", 1200.0), 1200),
        (lambda data: setattr(data, "SequenceName", "*ep_b400t"), 400),
        (lambda data: setattr(data, "SequenceName", "*ep_b1000#12"), 1000),
        (lambda data: setattr(data, "SequenceName", "ep_b0"), 0),
        (lambda data: setattr(data, "SequenceName", "ep_b50_800"), None),
        (lambda data: setattr(data, "SequenceName", "*fl3d1_ns"), None),
        (lambda data: setattr(data, "SequenceName", "*epfid2d1_64"), None),
    ],
)
def test_the_b_value_is_found_where_each_maker_writes_it(tmp_path, change, b_value):
    assert attributes(tmp_path, change).b_value == b_value


def test_a_private_element_behind_the_standard_one_does_not_count(tmp_path):
    def change(dataset):
        dataset.DiffusionBValue = 10.0
        private(0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "400")(dataset)

    assert attributes(tmp_path, change).b_value == 10


@pytest.mark.parametrize(
    "change",
    [
        lambda data: setattr(data, "DiffusionGradientOrientation", [0.0, 0.6, 0.8]),
        private(0x0019, "SIEMENS MR HEADER", 0x0E, "FD", [0.0, 0.6, 0.8]),
        private(0x0065, "Image Private Header", 0x37, "FD", [0.0, 0.6, 0.8]),
    ],
)
def test_the_diffusion_direction_is_found(tmp_path, change):
    assert attributes(tmp_path, change).diffusion_direction == (0.0, 0.6, 0.8)


def test_the_diffusion_direction_of_philips_has_three_elements(tmp_path):
    def change(dataset):
        dataset.add_new((0x2005, 0x0010), "LO", "Philips MR Imaging DD 001")
        for element, value in ((0xB0, 0.0), (0xB1, 1.0), (0xB2, 0.0)):
            dataset.add_new((0x2005, 0x1000 | element), "FL", value)

    assert attributes(tmp_path, change).diffusion_direction == (0, 1, 0)


def test_the_raw_data_type_of_ge_is_the_component(tmp_path):
    assert attributes(tmp_path, private(0x0043, "GEMS_PARM_01", 0x2F, "SS", 3)).component == "IMAGINARY"


def test_a_coil_of_siemens_is_a_code(tmp_path):
    found = attributes(tmp_path, private(0x0051, "SIEMENS MR HEADER", 0x0F, "LO", "C:HEA;HEP"))
    assert found.coil == "C-HEA-HEP"


def test_ct_has_kernel_voltage_energy_and_quantity(tmp_path):
    def change(dataset):
        dataset.ConvolutionKernel = ["Br36d", "3"]
        energy = Dataset()
        energy.MonoenergeticEnergyEquivalent = 70.0
        dataset.MultienergyCTCharacteristicsSequence = Sequence([energy])
        dataset.NominalPercentageOfCardiacPhase = 75.0

    found = attributes(tmp_path, change, modality="CT")
    assert (found.kernel, found.kvp, found.energy_kev, found.quantity) == ("Br36d/3", 120, 70, "HU")
    assert (found.cardiac_phase_percent, found.component, found.coil) == (75, "", "")


@pytest.mark.parametrize(("kind", "field"), [("GATED", "time_slot"), ("DYNAMIC", "temporal_position")])
def test_image_index_tells_gates_and_time_slices_of_pet(tmp_path, kind, field):
    def change(dataset):
        dataset.SeriesType = [kind, "IMAGE"]
        dataset.NumberOfSlices = 47
        dataset.ImageIndex = 95
        dataset.FrameReferenceTime = "1500"

    found = attributes(tmp_path, change, modality="PT")
    assert (getattr(found, field), found.frame_reference_time_ms) == (3, 1500)


def test_text_that_is_no_code_is_not_kept(tmp_path):
    def change(dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "Jones, Mary"]
        dataset.ReceiveCoilName = "(Mary)"
        dataset.AcquisitionDate = "20261340"

    found = attributes(tmp_path, change)
    assert (found.image_type, found.coil, found.acquisition_time_s) == (("ORIGINAL", "PRIMARY", ""), "", None)


@pytest.mark.data
def test_the_b_values_of_a_real_series_are_told_apart():
    folder = next(case("mr-prostate").glob("6.*"))
    found = [
        read_file(StudyFile(path=path, label="x"), Limits())[1][0].attributes.b_value
        for path in sorted(folder.glob("*.dcm"))
    ]
    assert {value: found.count(value) for value in set(found)} == {50: 19, 400: 19, 800: 19}
