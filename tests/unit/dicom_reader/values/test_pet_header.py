"""The PET facts of a header are read as they are written, private ones only under their creator."""

import logging
import warnings
from contextlib import contextmanager
from io import BytesIO

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from clara_stages.dicom_reader.values.pet_elements import read_pet_header
from clara_stages.dicom_reader.values.pet_header import PET_TAGS, PetHeader
from tests.support.series import slice_dataset

VRS = (None, "DS", "IS", "DT", "TM", "DA", "CS", "SQ", "UN", "FD", "US", "LO")

DAY = 86_400.0
DAY_OF_SCAN = 20_455 * DAY
"""2026-01-02, in days since 1970."""


def pet_dataset(**values):
    dataset = slice_dataset("PT", 0)
    agent = Dataset()
    agent.RadiopharmaceuticalStartTime = "090000.00"
    agent.RadionuclideTotalDose = "3.5E8"
    agent.RadionuclideHalfLife = "6586.2"
    facts = {
        "SeriesDate": "20260102",
        "SeriesTime": "100000.5",
        "CorrectedImage": ["DECY", "ATTN"],
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "PatientWeight": "70.5",
        "FrameReferenceTime": "89858.0",
        "ActualFrameDuration": "180000",
        "RadiopharmaceuticalInformationSequence": [agent],
    }
    for keyword, value in (facts | values).items():
        setattr(dataset, keyword, value)
    return dataset


def read(dataset, syntax=ExplicitVRLittleEndian):
    """The header of a data set that was written and read again with the tags alone."""
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset)
    buffer.seek(0)
    return read_pet_header(read_partial(buffer, specific_tags=list(PET_TAGS)))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_every_fact_is_read_as_it_is_written(syntax):
    expected = PetHeader(
        units="BQML",
        series_type="WHOLE BODY",
        corrections=("DECY", "ATTN"),
        decay_correction="START",
        series_start_s=DAY_OF_SCAN + 36_000.5,
        acquisition_start_s=DAY_OF_SCAN + 28_800,
        frame_reference_time_ms=89_858.0,
        frame_duration_ms=180_000.0,
        weight_kg=70.5,
        agents=1,
        dose=3.5e8,
        half_life_s=6586.2,
        injection_time_of_day_s=32_400.0,
    )
    assert read(pet_dataset(), syntax) == expected


def test_other_modalities_have_none():
    assert read_pet_header(slice_dataset("CT", 0)) is None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_private_facts_are_found_in_the_block_of_their_creator(syntax):
    dataset = pet_dataset()
    dataset.private_block(0x0009, "SOMEBODY ELSE", create=True).add_new(0x0D, "DT", "20200101000000")
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20260102095930.00")
    philips = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    philips.add_new(0x00, "DS", "0.000551")
    philips.add_new(0x09, "DS", "1.5")
    header = read(dataset, syntax)
    assert header.ge_scan_start_s == DAY_OF_SCAN + 9 * 3600 + 59 * 60 + 30
    assert (header.philips_suv_factor, header.philips_activity_factor) == (0.000551, 1.5)


def test_private_facts_of_unknown_vr_are_read_as_text():
    dataset = pet_dataset()
    dataset.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "UN", b"0.25 ")
    assert read(dataset).philips_suv_factor == 0.25


def test_private_elements_without_their_creator_belong_to_nobody():
    dataset = pet_dataset()
    dataset.private_block(0x0009, "SOMEBODY ELSE", create=True).add_new(0x0D, "DT", "20200101000000")
    assert read(dataset).ge_scan_start_s is None


def agent_with(**values):
    dataset = pet_dataset()
    for keyword, value in values.items():
        setattr(dataset.RadiopharmaceuticalInformationSequence[0], keyword, value)
    return dataset


def test_an_injection_in_another_zone_is_moved_to_that_of_the_data_set():
    dataset = agent_with(RadiopharmaceuticalStartDateTime="20260102080000.00+0000")
    header = read(dataset)
    assert (header.injection_s, header.injection_zone_unknown) == (DAY_OF_SCAN + 8 * 3600, True)
    dataset.TimezoneOffsetFromUTC = "+0100"
    header = read(dataset)
    assert (header.injection_s, header.injection_zone_unknown) == (DAY_OF_SCAN + 9 * 3600, False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0900", 32_400),
        ("09", 32_400),
        ("09:00:30", 32_430),
        ("090000.25 ", 32_400.25),
        ("235960", 86_400),
        ("240000", None),
        ("9 am", None),
        ("", None),
    ],
)
def test_times_of_day_are_read_in_every_form(text, seconds):
    dataset = pet_dataset()
    dataset.RadiopharmaceuticalInformationSequence[0]["RadiopharmaceuticalStartTime"]._value = text
    assert read_pet_header(dataset).injection_time_of_day_s == seconds


def test_a_date_that_is_none_is_no_instant():
    dataset = pet_dataset()
    dataset.SeriesDate = "20260230"
    assert read_pet_header(dataset).series_start_s is None


def test_values_that_are_no_numbers_and_texts_that_are_no_codes_are_not_kept():
    dataset = pet_dataset()
    dataset["PatientWeight"]._value = "Miller"
    dataset["Units"]._value = "Miller, J."
    dataset["RadiopharmaceuticalInformationSequence"]._value = "Miller"
    header = read_pet_header(dataset)
    assert (header.weight_kg, header.units, header.agents) == (None, "?", 0)


def test_an_enhanced_object_says_corrections_and_reference_in_its_own_way():
    dataset = pet_dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    for keyword in ("Units", "CorrectedImage", "DecayCorrection", "SeriesTime"):
        delattr(dataset, keyword)
    dataset.DecayCorrected = "YES"
    dataset.AttenuationCorrected = "NO"
    dataset.DecayCorrectionDateTime = "20260102100000"
    frames = []
    for start in ("20260102101000", "20260102100500"):
        content, groups = Dataset(), Dataset()
        content.FrameAcquisitionDateTime = start
        groups.FrameContentSequence = [content]
        frames.append(groups)
    dataset.PerFrameFunctionalGroupsSequence = frames
    header = read(dataset)
    assert (header.units, header.corrections) == ("", ("DECY",))
    assert header.decay_reference_s == DAY_OF_SCAN + 36_000
    assert header.acquisition_start_s == DAY_OF_SCAN + 36_300


def test_a_legacy_converted_object_keeps_units_among_its_converted_attributes():
    dataset = pet_dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128.1"
    converted, shared = Dataset(), Dataset()
    for keyword in ("Units", "CorrectedImage", "DecayCorrection", "RadiopharmaceuticalInformationSequence"):
        setattr(converted, keyword, getattr(dataset, keyword))
        delattr(dataset, keyword)
    shared.UnassignedSharedConvertedAttributesSequence = [converted]
    dataset.SharedFunctionalGroupsSequence = [shared]
    header = read(dataset)
    assert (header.units, header.decay_correction, header.dose) == ("BQML", "START", 3.5e8)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(PET_TAGS), st.tuples(st.sampled_from(VRS), st.binary(max_size=40)), min_size=1))
def test_no_bytes_in_any_element_stop_the_reading(elements):
    values = {Tag("SOPClassUID"): (None, b"1.2.840.10008.5.1.4.1.1.128")}
    raw = {
        tag: RawDataElement(tag, vr, len(value), value, 0, vr is None, True)
        for tag, (vr, value) in (elements | values).items()
    }
    with _quiet():
        assert read_pet_header(Dataset(raw)) is not None


@contextmanager
def _quiet():
    """Without what pydicom has to say of each broken value."""
    logger = logging.getLogger("pydicom")
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = False
