"""PET becomes SUV by body weight where its headers leave no doubt, and stays activity with the reason elsewhere."""

import dataclasses

import pytest

from clara_stages.dicom_reader.values.pet_header import PetHeader
from clara_stages.dicom_reader.values.rescale import RealWorld, Rescale
from clara_stages.dicom_reader.values.unit import find_unit
from clara_stages.kit import BadInputError
from tests.support.value_frames import frame

HOUR = 3600.0
DAY = 86_400.0
SCAN = 20_000 * DAY + 10 * HOUR
"""10:00 of some day."""

F18 = 6586.2
RESCALED = Rescale(slope=2.5, intercept=0)

HEADER = PetHeader(
    units="BQML",
    series_type="WHOLE BODY",
    corrections=("DECY", "ATTN", "SCAT"),
    decay_correction="START",
    series_start_s=SCAN,
    acquisition_start_s=SCAN,
    weight_kg=70.0,
    agents=1,
    dose=350e6,
    half_life_s=F18,
    injection_s=SCAN - HOUR,
)


def pet_frames(*headers, rescale=RESCALED):
    return [frame("PT", rescale, pet=header) for header in headers]


def unit_of(*changes, pet="suv", **change):
    """The unit of a series: of one image for each set of changes, with ``change`` in all of them."""
    headers = [dataclasses.replace(HEADER, **{**change, **item}) for item in changes or ({},)]
    return find_unit(pet_frames(*headers), pet=pet)


def doubt(*changes, **change):
    """The reason why a series is in Bq/ml and not in SUV."""
    unit = unit_of(*changes, **change)
    assert (unit.name, unit.factor) == ("Bq/ml", 1.0)
    (note,) = unit.notes
    assert note.startswith("activity, no SUV: ")
    return note.removeprefix("activity, no SUV: ")


def test_start_decays_the_dose_from_injection_to_scan():
    # After 3600 s of 6586.2 s half-life 2^-0.546597 = 0.684633 of 350 MBq is left, 239.621 MBq;
    # 70,000 g / 239.621e6 Bq = 2.92127e-4 g/Bq.
    unit = unit_of()
    assert unit.name == "{SUVbw}g/ml"
    assert unit.factor == pytest.approx(2.92127e-4, rel=1e-5)
    assert unit.basis == (
        "SUV by body weight from Bq/ml: dose decay-corrected over 60.0 min (series time), factor 0.000292"
    )
    assert unit.notes == ()


def test_one_half_life_halves_the_dose():
    # 80,000 g / (400e6 Bq / 2) = 4e-4.
    assert unit_of(weight_kg=80.0, dose=400e6, injection_s=SCAN - F18).factor == pytest.approx(4e-4, rel=1e-12)


def test_admin_takes_the_dose_as_it_was_injected():
    # 70,000 g / 350e6 Bq = 2e-4, whatever the times are.
    unit = unit_of(decay_correction="ADMIN", series_start_s=None, injection_s=None, half_life_s=None)
    assert unit.name == "{SUVbw}g/ml"
    assert unit.factor == pytest.approx(2e-4, rel=1e-12)
    assert "dose as injected" in unit.basis


def test_neither_weight_nor_dose_is_told():
    unit = unit_of(weight_kg=73.25, dose=361.5e6)
    assert "73" not in unit.basis
    assert "361" not in unit.basis
    assert "73.25" not in repr(HEADER) + repr(dataclasses.replace(HEADER, weight_kg=73.25))


def test_activity_stays_activity_where_that_is_asked_for():
    unit = unit_of(pet="activity")
    assert (unit.name, unit.factor, unit.notes) == ("Bq/ml", 1.0, ())


def test_the_time_of_day_of_the_injection_is_on_the_day_of_the_scan():
    unit = unit_of(injection_s=None, injection_time_of_day_s=9 * HOUR)
    assert unit.factor == pytest.approx(2.92127e-4, rel=1e-5)


def test_an_injection_before_midnight_is_on_the_day_before():
    # Injected at 23:30, scanned at 00:30: one hour, as above.
    start = 20_000 * DAY + HOUR / 2
    unit = unit_of(
        series_start_s=start, acquisition_start_s=start, injection_s=None, injection_time_of_day_s=23.5 * HOUR
    )
    assert unit.factor == pytest.approx(2.92127e-4, rel=1e-5)


def test_an_injection_shortly_after_the_scan_is_not_on_the_day_before():
    assert doubt(injection_s=None, injection_time_of_day_s=10.5 * HOUR) == (
        "the injection is 30.0 min after the start of the scan"
    )


def test_a_dated_injection_after_the_scan_is_doubted():
    assert doubt(injection_s=SCAN + 60) == "the injection is 1.0 min after the start of the scan"


def test_a_dynamic_scan_may_begin_before_its_injection():
    # 70,000 / (350e6 x 2^(30/6586.2)): the dose that would have been there at the start of the scan.
    unit = unit_of(series_type="DYNAMIC", injection_s=SCAN + 30)
    assert unit.factor == pytest.approx(2e-4 / 2 ** (30 / 6586.2), rel=1e-12)
    assert "over -0.5 min" in unit.basis
    assert "2.5 min after" in doubt(series_type="DYNAMIC", injection_s=SCAN + 150)
    unit = unit_of(series_type="DYNAMIC", injection_s=None, injection_time_of_day_s=10 * HOUR + 30)
    assert unit.factor == pytest.approx(2e-4 / 2 ** (30 / 6586.2), rel=1e-12)


def test_frames_of_a_dynamic_scan_share_one_factor():
    unit = unit_of({}, {"acquisition_start_s": SCAN + 600}, {"acquisition_start_s": SCAN + 1200})
    assert unit.factor == pytest.approx(2.92127e-4, rel=1e-5)


def test_a_series_time_microseconds_after_the_first_image_is_the_scan_time():
    assert "(series time)" in unit_of(acquisition_start_s=SCAN - 15e-6).basis


def test_a_rewritten_series_time_gives_way_to_that_of_ge():
    # Reconstructed five hours later; GE's time is that of the scan.
    unit = unit_of(series_start_s=SCAN + 5 * HOUR, ge_scan_start_s=SCAN)
    assert unit.factor == pytest.approx(2.92127e-4, rel=1e-5)
    assert "(GE's scan time, for the series time is absent or later than the first acquisition)" in unit.basis


def test_a_rewritten_series_time_gives_way_to_the_times_of_the_frames():
    # A frame from 300 s to 480 s after the start of the scan. Decay within it is ln 2 x 180 / 6586.2 = 0.0189436, and
    # its mean activity is at ln(0.0189436 / (1 - e^-0.0189436)) / (ln 2 / 6586.2) = 89.858 s: reference time 389.858 s.
    frames = {"series_start_s": SCAN + 5 * HOUR, "frame_duration_ms": 180_000.0, "frame_reference_time_ms": 389_858.0}
    unit = unit_of(frames | {"acquisition_start_s": SCAN + 300})
    assert unit.factor == pytest.approx(2.92127e-4, rel=1e-5)
    assert "scan start by frame reference times" in unit.basis


def test_the_beds_of_a_rewritten_series_must_tell_one_start():
    change = {"series_start_s": SCAN + 5 * HOUR, "frame_duration_ms": 180_000.0}
    first = {"acquisition_start_s": SCAN, "frame_reference_time_ms": 89_858.0}
    second = {"acquisition_start_s": SCAN + 200, "frame_reference_time_ms": 289_858.0}
    assert unit_of(first, second, **change).factor == pytest.approx(2.92127e-4, rel=1e-5)
    alone = second | {"frame_reference_time_ms": 89_858.0}
    assert "the frames tell starts of the scan 200 s apart" in doubt(first, alone, **change)


def test_a_rewritten_series_time_without_any_other_is_doubted():
    assert "Frame Reference Time (0054,1300) or Actual Frame Duration" in doubt(series_start_s=SCAN + 5 * HOUR)
    assert "every known start of the scan is later" in doubt(
        series_start_s=SCAN + 5 * HOUR, ge_scan_start_s=SCAN + 4 * HOUR
    )
    assert "2 different GE scan times" in doubt(
        {"ge_scan_start_s": SCAN}, {"ge_scan_start_s": SCAN - 9}, series_start_s=SCAN + HOUR
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"corrections": ("DECY",)}, "Corrected Image (0028,0051) does not say ATTN"),
        ({"corrections": ()}, "Corrected Image (0028,0051) does not say ATTN and DECY"),
        ({"decay_correction": "NONE"}, "Decay Correction (0054,1102) is NONE, expected START or ADMIN"),
        ({"decay_correction": ""}, "Decay Correction (0054,1102) is absent, expected START or ADMIN"),
        ({"decay_correction": "MILLER"}, "Decay Correction (0054,1102) is no code, expected START or ADMIN"),
        ({"weight_kg": None}, "Patient's Weight (0010,1030) is absent or 0"),
        ({"weight_kg": 0.0}, "Patient's Weight (0010,1030) is absent or 0"),
        ({"weight_kg": 70_000.0}, "Patient's Weight (0010,1030) is outside 0.4 to 400 kg"),
        ({"weight_kg": -70.0}, "Patient's Weight (0010,1030) is outside 0.4 to 400 kg"),
        ({"dose": None}, "Radionuclide Total Dose (0018,1074) is absent or 0"),
        ({"dose": 350.0}, "Radionuclide Total Dose (0018,1074) is below 1e+06 Bq: it may be in MBq in place of Bq"),
        ({"dose": 350e9}, "Radionuclide Total Dose (0018,1074) is above 2e+10 Bq"),
        ({"agents": 2}, "2 radiopharmaceuticals are named, expected 1"),
        ({"agents": 0}, "0 radiopharmaceuticals are named, expected 1"),
        ({"half_life_s": None}, "Radionuclide Half Life (0018,1075) is absent or 0"),
        ({"half_life_s": 1.83}, "Radionuclide Half Life (0018,1075) is 1.83 s, outside 60 to 864000"),
        ({"half_life_s": 109.77}, "the scan begins 32.8 half-lives after the injection, accepted are 6"),
        ({"injection_s": SCAN - 3 * DAY}, "the scan begins 39.4 half-lives after the injection, accepted are 6"),
        ({"injection_s": None}, "Radiopharmaceutical Start DateTime (0018,1078) and Start Time (0018,1072) are absent"),
        ({"acquisition_start_s": None}, "1 of 1 images have no Acquisition Date and Time"),
        (
            {"injection_zone_unknown": True},
            "Radiopharmaceutical Start DateTime (0018,1078) has a time zone, the other times have none",
        ),
        (
            {"injection_time_of_day_s": 8 * HOUR},
            "Radiopharmaceutical Start DateTime (0018,1078) and Start Time (0018,1072) are different times of day",
        ),
        (
            {"injection_s": None, "injection_time_of_day_s": 9 * HOUR, "half_life_s": 282_240.0},
            "the injection has a time but no date, and with a half-life of 78 h it may have been days before",
        ),
        (
            {"injection_s": None, "injection_time_of_day_s": 0.0, "series_start_s": 20_000 * DAY},
            "injection and scan are both at 00:00:00, as de-identification may leave them",
        ),
    ],
)
def test_any_doubt_keeps_activity_and_tells_the_reason(change, reason):
    assert doubt(**change) == reason


def test_a_zone_is_no_doubt_where_the_time_of_day_agrees():
    unit = unit_of(injection_zone_unknown=True, injection_time_of_day_s=9 * HOUR + 20)
    assert unit.name == "{SUVbw}g/ml"


def test_an_injection_days_before_is_right_for_a_long_half_life():
    # Zr-89, three days: 2^-(259200 / 282240) = 0.529107.
    unit = unit_of(half_life_s=282_240.0, injection_s=SCAN - 3 * DAY, dose=70e6)
    assert unit.factor == pytest.approx(70_000 / (70e6 * 0.529107), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"dose": 351e6}, "Radionuclide Total Dose (0018,1074)"),
        ({"weight_kg": 71.0}, "Patient's Weight (0010,1030)"),
        ({"series_start_s": SCAN - 60}, "Series Date and Time"),
        ({"decay_correction": "ADMIN"}, "Decay Correction (0054,1102)"),
        ({"half_life_s": None}, "Radionuclide Half Life (0018,1075)"),
    ],
)
def test_images_that_differ_in_a_fact_of_the_series_are_doubted(change, name):
    assert doubt({}, {}, change) == f"3 images have 2 different values of {name}"


@pytest.mark.parametrize(
    ("units", "suv_type", "name"),
    [
        ("GML", "", "{SUVbw}g/ml"),
        ("GML", "BW", "{SUVbw}g/ml"),
        ("GML", "LBM", "{SUVlbm}g/ml"),
        ("GML", "IBW", "{SUVibw}g/ml"),
        ("CM2ML", "", "{SUVbsa}cm2/ml"),
        ("CM2ML", "BSA", "{SUVbsa}cm2/ml"),
    ],
)
def test_values_that_are_suv_already_keep_their_kind(units, suv_type, name):
    for pet in ("suv", "activity"):
        unit = unit_of(units=units, suv_type=suv_type, weight_kg=None, pet=pet)
        assert (unit.name, unit.factor, unit.notes) == (name, 1.0, ())
        assert unit.basis.startswith(f"SUV as stored: Units {units}")


def test_units_and_suv_type_that_do_not_go_together_are_told():
    unit = unit_of(units="GML", suv_type="BSA")
    assert (unit.name, unit.factor) == ("g/ml", 1.0)
    assert unit.notes == ("no SUV: Units are GML with SUV Type BSA, which do not go together",)
    assert "MILLER" not in str(unit_of(units="GML", suv_type="MILLER"))


def test_counts_of_philips_become_suv_by_its_factor():
    unit = unit_of(units="CNTS", philips_suv_factor=0.000551, philips_activity_factor=1.5, weight_kg=None)
    assert (unit.name, unit.factor) == ("{SUVbw}g/ml", 0.000551)
    assert "Philips' factor (7053,xx00) 0.000551" in unit.basis


def test_counts_of_philips_become_activity_and_then_suv():
    # 1.5 Bq/ml a count, then as above: 1.5 x 2.92127e-4.
    unit = unit_of(units="CNTS", philips_activity_factor=1.5)
    assert unit.name == "{SUVbw}g/ml"
    assert unit.factor == pytest.approx(4.381905e-4, rel=1e-5)
    assert unit.basis.startswith("Bq/ml from counts: Philips' factor (7053,xx09) 1.5; SUV by body weight")


def test_counts_with_a_factor_to_activity_alone_are_activity_where_suv_is_doubted():
    unit = unit_of(units="CNTS", philips_activity_factor=1.5, weight_kg=None)
    assert (unit.name, unit.factor) == ("Bq/ml", 1.5)
    assert unit.notes == ("activity, no SUV: Patient's Weight (0010,1030) is absent or 0",)
    unit = unit_of(units="CNTS", philips_suv_factor=0.1, philips_activity_factor=1.5, pet="activity")
    assert (unit.name, unit.factor, unit.notes) == ("Bq/ml", 1.5, ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "counts: the header has no vendor's factor to SUV or activity"),
        ({"philips_suv_factor": 0.0}, "counts: the header has no vendor's factor to SUV or activity"),
        ({"philips_suv_factor": -1.0}, "counts: the header has no vendor's factor to SUV or activity"),
        (
            {"philips_suv_factor": 0.1, "corrections": ("DECY",)},
            "counts, no SUV: Corrected Image (0028,0051) does not say ATTN",
        ),
    ],
)
def test_counts_without_a_factor_stay_counts(change, reason):
    unit = unit_of(units="CNTS", **change)
    assert (unit.name, unit.factor, unit.notes) == ("{counts}", 1.0, (reason,))


def test_counts_with_different_factors_stay_counts():
    unit = unit_of({"philips_suv_factor": 0.1}, {"philips_suv_factor": 0.2}, units="CNTS")
    assert unit.name == "{counts}"
    assert "2 different values of Philips' SUV factor (7053,xx00)" in unit.notes[0]


def test_other_units_are_named_and_unknown_ones_hidden():
    unit = unit_of(units="MLMING")
    assert (unit.name, unit.notes) == ("ml/min/g", ("no SUV: Units (0054,1001) are MLMING",))
    unit = unit_of(units="MILLER")
    assert (unit.name, unit.notes) == ("1", ("no unit: Units (0054,1001) are no code of the Standard",))


def test_several_units_are_refused():
    with pytest.raises(BadInputError, match="the PET series mixes 2 units: none, BQML"):
        unit_of({}, {"units": ""})
    with pytest.raises(BadInputError, match="the PET series mixes 2 SUV Types: BW, LBM"):
        unit_of({"suv_type": "BW"}, {"suv_type": "LBM"}, units="GML")


def test_an_enhanced_object_in_activity_is_corrected_to_its_own_reference():
    header = dataclasses.replace(
        HEADER, units="", decay_correction="", decay_reference_s=SCAN, series_start_s=None, acquisition_start_s=None
    )
    mapped = Rescale(slope=2.5, intercept=0, real_world=RealWorld(slope=2.5, intercept=0, unit="Bq/ml"))
    unit = find_unit(pet_frames(header, rescale=mapped))
    assert unit.name == "{SUVbw}g/ml"
    assert unit.factor == pytest.approx(2.92127e-4, rel=1e-5)
    assert "(decay correction time)" in unit.basis


def test_an_enhanced_object_in_suv_keeps_it_whichever_way_the_code_is_written():
    header = dataclasses.replace(HEADER, units="")
    for code in ("{SUVbw}g/ml", "g/ml{SUVbw}"):
        mapped = Rescale(slope=2.5, intercept=0, real_world=RealWorld(slope=2.5, intercept=0, unit=code))
        unit = find_unit(pet_frames(header, rescale=mapped))
        assert (unit.name, unit.factor) == ("{SUVbw}g/ml", 1.0)


def test_pet_without_units_has_none_and_says_so():
    header = dataclasses.replace(HEADER, units="")
    unit = find_unit(pet_frames(header))
    assert (unit.name, unit.notes) == ("1", ("no unit, no SUV: the header names no unit for the rescaled values",))
    mapped = Rescale(slope=2.5, intercept=0, real_world=RealWorld(slope=1, intercept=0, unit="Bq/ml"))
    unit = find_unit(pet_frames(header, rescale=mapped))
    assert unit.name == "1"
    assert "Real World Value Mapping to Bq/ml differs from slope and intercept" in unit.notes[0]
