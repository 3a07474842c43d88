import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from clara_stages.dicom_adapter.outbox.association import MAX_CONTEXTS, build_contexts, classify_status

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007, 0x0107])
def test_success_and_warnings_are_sent(status):
    assert classify_status(status).state == "sent"


@pytest.mark.parametrize("status", [0xA700, 0xA7FF])
def test_a_destination_without_room_is_tried_again(status):
    assert classify_status(status).state == "pending"
    assert f"({status:04X})" in classify_status(status).reason


@pytest.mark.parametrize("status", [0xA900, 0xC000, 0xCFFF, 0x0122, 0x0124, 0x0110])
def test_a_refusal_is_final(status):
    assert classify_status(status).state == "failed"
    assert f"({status:04X})" in classify_status(status).reason


def contexts(*kinds):
    return [(str(item.abstract_syntax), str(item.transfer_syntax[0])) for item in build_contexts(kinds)]


def test_uncompressed_instances_are_proposed_in_both_vr_encodings_their_own_first():
    assert contexts((CT, ImplicitVRLittleEndian)) == [(CT, ImplicitVRLittleEndian), (CT, ExplicitVRLittleEndian)]
    assert contexts((CT, RLELossless)) == [(CT, RLELossless)]


def test_each_kind_is_proposed_once_and_never_too_many():
    assert len(contexts((CT, RLELossless), (CT, RLELossless))) == 1
    assert len(contexts(*[(f"1.2.{n}", ExplicitVRLittleEndian) for n in range(100)])) == MAX_CONTEXTS
