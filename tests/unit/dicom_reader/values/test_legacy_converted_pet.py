"""A PET series and the Legacy Converted Enhanced object that another program makes of it have the same values."""

import warnings

import highdicom
import numpy as np
import pydicom
from pydicom.dataset import Dataset

from clara_stages.dicom_reader.headers.study import load_study
from clara_stages.dicom_reader.values.rescale import rescale_frame
from clara_stages.dicom_reader.values.unit import find_unit
from tests.support.series import uid, write_series


def make_quantitative(k, dataset):
    agent = Dataset()
    agent.RadiopharmaceuticalStartTime = "090000"
    agent.RadionuclideTotalDose = "3.5E8"
    agent.RadionuclideHalfLife = "6586.2"
    values = {
        "RadiopharmaceuticalInformationSequence": [agent],
        "SeriesDate": "20260102",
        "SeriesTime": "100000",
        "AcquisitionTime": "100000",
        "CorrectedImage": ["DECY", "ATTN"],
        "SeriesType": ["STATIC", "IMAGE"],
        "CountsSource": "EMISSION",
        "PatientWeight": "70",
        "PatientAge": "050Y",
        "SliceThickness": "2.5",
        "NumberOfSlices": 6,
        "ImageIndex": k + 1,
        "RescaleSlope": str(0.5 + k / 10),
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)


def suv_by_position(folder):
    """Unit, and values of each frame by its place along z."""
    frames = load_study(folder).frames
    unit = find_unit(frames)
    values = {}
    for frame in frames:
        pixels = pydicom.dcmread(frame.instance.path).pixel_array
        stored = pixels if frame.number is None else pixels[frame.index]
        values[frame.plane.position_lps_mm[2]] = rescale_frame(stored, frame, unit).values
    return unit, values


def test_a_legacy_converted_object_has_the_suv_of_its_series(tmp_path):
    files = write_series(tmp_path / "classic", modality="PT", change=make_quantitative)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = highdicom.legacy.LegacyConvertedEnhancedPETImage(
            [pydicom.dcmread(file) for file in files], uid("series"), 2, uid("instance"), 1
        )
    (tmp_path / "converted").mkdir()
    converted.save_as(tmp_path / "converted" / "one.dcm")
    unit, classic = suv_by_position(tmp_path / "classic")
    assert unit.name == "{SUVbw}g/ml"
    assert suv_by_position(tmp_path / "converted")[0] == unit
    other = suv_by_position(tmp_path / "converted")[1]
    assert sorted(classic) == sorted(other)
    assert all(np.array_equal(values, other[place]) for place, values in classic.items())
