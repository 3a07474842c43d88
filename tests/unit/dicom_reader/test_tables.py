"""What is copied from the Standard says what pydicom's dictionary says."""

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.uid import UID

from clara_stages.dicom_reader import sop_classes, transfer_syntaxes
from clara_stages.dicom_reader.headers.dictionary import DICTIONARY
from clara_stages.dicom_reader.pixels import format as pixel_format
from clara_stages.dicom_reader.uid_names import NAMES, uid_name


@pytest.mark.parametrize("keyword", DICTIONARY)
def test_a_keyword_has_its_tag_and_vr(keyword):
    tag = tag_for_keyword(keyword)
    assert DICTIONARY[keyword] == (tag, dictionary_VR(tag))


@pytest.mark.parametrize("uid", NAMES)
def test_a_uid_has_its_name(uid):
    assert NAMES[uid] == UID(uid).name


def test_an_unknown_uid_is_its_own_name():
    assert uid_name("1.2.3") == "1.2.3"
    assert uid_name(sop_classes.MEDIA_STORAGE_DIRECTORY) == "Media Storage Directory Storage"


@pytest.mark.parametrize("uid", [*transfer_syntaxes.NATIVE, *transfer_syntaxes.CODECS])
def test_a_transfer_syntax_is_one(uid):
    assert UID(uid).type == "Transfer Syntax"
    assert UID(uid).is_compressed == (uid in transfer_syntaxes.CODECS)


def test_native_syntaxes_are_told_apart():
    assert not UID(transfer_syntaxes.EXPLICIT_VR_BIG_ENDIAN).is_little_endian
    assert UID(transfer_syntaxes.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).is_deflated
    assert UID(transfer_syntaxes.IMPLICIT_VR_LITTLE_ENDIAN).is_implicit_VR
    assert UID(transfer_syntaxes.RLE_LOSSLESS).name == "RLE Lossless"


@pytest.mark.parametrize(
    "uid", [*sop_classes.SLICE_CLASSES, *sop_classes.IMAGE_CLASSES, *sop_classes.SLIDE_CLASSES, *NAMES]
)
def test_a_sop_class_is_one(uid):
    assert UID(uid).type == "SOP Class"


def test_slices_have_the_modality_of_their_class():
    words = {"CT": ("CT",), "MR": ("MR",), "PT": ("PET", "Positron")}
    for uid, modality in sop_classes.SLICE_CLASSES.items():
        assert any(word in UID(uid).name for word in words[modality])


def test_every_photometric_interpretation_of_the_standard_may_be_named():
    assert {item.value for item in PhotometricInterpretation} == set(pixel_format._COLOURS)
