"""A volume has one unit, or is refused; what the header does not say is not made up."""

import pytest

from clara_stages.dicom_reader.values.rescale import RealWorld, Rescale
from clara_stages.dicom_reader.values.unit import find_unit
from clara_stages.kit import BadInputError
from tests.support.value_frames import frame


def typed(rescale_type, slope=1.0, intercept=0.0, **more):
    return Rescale(slope=slope, intercept=intercept, rescale_type=rescale_type, **more)


def unit_of(modality, *rescales, **more):
    return find_unit([frame(modality, rescale, **more) for rescale in rescales])


@pytest.mark.parametrize(
    ("modality", "rescales", "name"),
    [
        ("CT", [typed("HU"), typed("")], "HU"),
        ("CT", [typed("MGML")], "mg/ml"),
        ("CT", [typed("Z_EFF")], "Z_EFF"),
        ("CT", [typed("HU_MOD")], "HU_MOD"),
        ("CT", [typed("PCT")], "%"),
        ("MR", [Rescale(), Rescale()], "1"),
        ("MR", [typed("normalized")], "1"),
        ("MR", [typed("US")], "1"),
        ("MR", [typed("10-6mm2/s")], "10-6mm2/s"),
        ("MR", [typed("um2/s")], "um2/s"),
        ("MR", [typed("10^-6 mm²/s")], "10^-6mm2/s"),
        ("MR", [typed("ms")], "ms"),
        ("DX", [Rescale()], "1"),
        ("CR", [typed("OD")], "OD"),
        ("SC", [typed("HU", intercept=-1024.0)], "HU"),
    ],
)
def test_a_volume_has_the_unit_of_its_rescale_type(modality, rescales, name):
    unit = unit_of(modality, *rescales)
    assert (unit.name, unit.factor, unit.notes) == (name, 1.0, ())


def test_unspecified_values_of_ct_are_not_called_hu():
    unit = unit_of("CT", typed("US"))
    assert unit.name == "1"
    assert unit.notes == (
        "the Rescale Type of the CT is unspecified: values are not in HU, padding and values below air stay",
    )


@pytest.mark.parametrize(
    ("rescale", "image_type", "name"),
    [
        (typed("US", 1.0, -1024.0), ("DERIVED", "PRIMARY", "AXIAL"), "HU"),
        (typed("us", 1.0, -8192.0), ("DERIVED", "SECONDARY"), "HU"),
        (typed("US", 1.0, -1024.0), ("ORIGINAL", "PRIMARY", "AXIAL"), "HU"),
        (typed("US", 1.0, 0.0), ("ORIGINAL", "PRIMARY", "AXIAL"), "1"),
        (typed("US", 1.0, 0.0), ("DERIVED", "SECONDARY"), "1"),
        (typed("US", 0.1, -1024.0), ("DERIVED", "SECONDARY", "PERFUSION"), "1"),
        (typed("US", 1.0, -1024.0), ("ORIGINAL", "PRIMARY", "LOCALIZER"), "1"),
    ],
)
def test_a_ct_that_gdcm_or_itk_wrote_is_in_hu_where_it_can_be_nothing_else(rescale, image_type, name):
    unit = unit_of("CT", rescale, image_type=image_type)
    assert unit.name == name
    taken = "the Rescale Type of 1 of 1 CT images is unspecified (US): taken as HU"
    assert (taken in unit.notes) is (name == "HU")


def test_a_localizer_is_in_hu_only_where_it_says_so():
    localizer = {"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}
    unit = unit_of("CT", typed(""), **localizer)
    assert unit.name == "1"
    assert "a projection" in unit.notes[0]
    assert unit_of("CT", typed("HU"), **localizer).name == "HU"


def test_text_in_place_of_a_unit_is_neither_kept_nor_repeated():
    for modality in ("CT", "MR"):
        unit = unit_of(modality, typed("Miller"))
        assert unit.name == "1"
        assert "Miller" not in str(unit)
        assert "the Rescale Type is no unit that is known" in unit.notes[0]
    with pytest.raises(BadInputError, match="2 units by Rescale Type: HU, no code"):
        unit_of("CT", typed("HU"), typed("Miller"))


def test_monochrome1_is_noted_and_not_inverted():
    unit = unit_of("DX", Rescale(), photometric_interpretation="MONOCHROME1")
    assert unit.notes == ("MONOCHROME1: high values are shown dark; values are not inverted",)


def test_a_private_scale_slope_is_noted():
    assert "(2005,xx0E) is not applied" in unit_of("MR", typed("US", has_vendor_scale=True)).notes[0]


def test_a_real_world_value_mapping_on_the_same_line_gives_the_unit():
    mapping = RealWorld(slope=0.5, intercept=-10, unit="um2/s")
    unit = unit_of("MR", typed("US", 0.5, -10.0, real_world=mapping), typed("US", 0.5, -10.0, real_world=mapping))
    assert (unit.name, unit.basis) == ("um2/s", "unit by Real World Value Mapping (um2/s)")


def test_a_real_world_value_mapping_on_another_line_is_noted_and_not_applied():
    mapping = RealWorld(slope=0.5, intercept=0, unit="um2/s")
    unit = unit_of("MR", typed("US", 2.0, real_world=mapping))
    assert unit.name == "1"
    assert unit.notes == ("the Real World Value Mapping to um2/s differs from slope and intercept and is not applied",)


def test_a_real_world_value_mapping_of_some_frames_gives_no_unit():
    mapping = RealWorld(slope=1, intercept=0, unit="um2/s")
    assert unit_of("MR", typed("US", real_world=mapping), typed("US")).name == "1"


@pytest.mark.parametrize(
    ("modality", "rescales", "message"),
    [
        ("CT", [typed("HU"), typed("US")], "the images have 2 units by Rescale Type: 1, HU"),
        ("CT", [typed("HU"), typed("MGML")], "the images have 2 units by Rescale Type: HU, mg/ml"),
        ("CT", [Rescale()], "0 of 1 images have both Rescale Slope and Rescale Intercept, 0 have one of them"),
        ("PT", [Rescale()], "0 of 1 images have both"),
        ("MR", [Rescale(), typed("")], "1 of 2 images have both"),
        ("MR", [Rescale(slope=1)], "0 of 1 images have both .* 1 have one of them"),
        ("DX", [Rescale(slope=1)], "0 of 1 images have both .* 1 have one of them"),
        ("MR", [Rescale(slope=0, intercept=1)], "Rescale Slope is 0"),
        ("CT", [Rescale(has_lookup_table=True), typed("HU")], "1 of 2 images have a Modality LUT Sequence"),
    ],
)
def test_images_without_one_known_unit_are_refused(modality, rescales, message):
    with pytest.raises(BadInputError, match=message):
        unit_of(modality, *rescales)


def test_images_of_several_modalities_are_refused():
    with pytest.raises(BadInputError, match="the series mixes images of CT and MR"):
        find_unit([frame("CT"), frame("MR", Rescale())])
