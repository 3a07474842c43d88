import json

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.uid import JPEG2000Lossless, SegmentationStorage
from pynetdicom import AE, evt

from clara_stages.dicom_sender.direct import Node, parse_node
from clara_stages.kit import BadInputError
from tools.demo import pacs


@pytest.fixture
def node():
    """Starts a storage SCP that answers with the given statuses in turn; the last one stays."""
    servers = []

    def start(*statuses, classes=(SegmentationStorage,), handler=None, **settings):
        left = list(statuses)
        ae = AE(ae_title="TEST")
        for name, value in settings.items():
            setattr(ae, name, value)
        for sop_class in classes:
            ae.add_supported_context(sop_class)
        store = handler or (lambda event: left.pop(0) if len(left) > 1 else left[0])
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
        servers.append(server)
        return f"127.0.0.1:{server.server_address[1]}:TEST"

    yield start
    for server in servers:
        server.shutdown()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:11112:ORTHANC", Node(host="localhost", port=11112, ae_title="ORTHANC")),
        ("[::1]:104:MY PACS", Node(host="::1", port=104, ae_title="MY PACS")),
    ],
)
def test_a_node_is_host_port_and_title(text, expected):
    assert parse_node(text) == expected


@pytest.mark.parametrize(
    "text", ["", "localhost", "localhost:104", "h:0:A", "h:70000:A", "h:x:A", "h:1:", "h:1:" + "A" * 17]
)
def test_anything_else_is_no_node(text):
    with pytest.raises(BadInputError, match="expected host:port:AE_TITLE"):
        parse_node(text)


def test_instances_arrive_unchanged_and_have_receipts(stage, instances, tmp_path):
    server = pacs.start(tmp_path / "pacs", "127.0.0.1", 0, "ORTHANC")
    try:
        short = stage(direct=f"127.0.0.1:{server.server_address[1]}:ORTHANC")
    finally:
        server.shutdown()
    assert (short.exit_code, short.metrics) == (0, {"instances": 2, "destinations": 1})
    written = json.loads((tmp_path / "out/receipts/receipts.json").read_text())["destinations"]["ORTHANC"]
    assert written["state"] == "sent"
    assert [one["status"] for one in written["instances"]] == ["0000", "0000"]
    received = sorted((tmp_path / "pacs").iterdir())
    assert len(received) == 2
    assert all(path.name.startswith("SEG-") and "SECRET" not in path.name for path in received)
    sent = {dcmread(instances / name).SOPInstanceUID: dcmread(instances / name) for name in ("1.dcm", "2.dcm")}
    assert all(dcmread(path) == sent[dcmread(path).SOPInstanceUID] for path in received)


def test_a_warning_status_is_stored_and_told(stage, node):
    short = stage(direct=node(0xB000, 0x0000))
    assert (short.exit_code, short.warnings) == (
        0,
        ["TEST stored 1 instance(s) with a warning status; see receipts.json"],
    )


def test_a_refused_instance_is_bad_input(stage, node):
    short = stage(direct=node(0x0000, 0xA900))
    assert (short.exit_code, short.error.message) == (20, "TEST refused 2.dcm with status A900")


def test_a_node_without_room_may_be_retried(stage, node):
    short = stage(direct=node(0xA700))
    assert (short.exit_code, short.error.message) == (30, "TEST is out of resources (status A700)")


def test_a_node_that_aborts_may_be_retried(stage, node):
    def abort(event):
        event.assoc.abort()
        return 0x0000

    short = stage(direct=node(handler=abort))
    assert short.exit_code == 30
    assert "ended the association without an answer to 1.dcm" in short.error.message


def test_a_node_that_rejects_the_association_may_be_retried(stage, node):
    short = stage(direct=node(0x0000, require_calling_aet=["OTHER"]))
    assert short.exit_code == 30
    assert "rejected by the node" in short.error.message
    assert "CLARA_OPS" in short.error.remedy


def test_nobody_there_may_be_retried(stage):
    short = stage(direct="127.0.0.1:1:NOBODY")
    assert short.exit_code == 30
    assert "no association with NOBODY at 127.0.0.1:1" in short.error.message


def test_a_name_that_does_not_resolve_may_be_retried(stage):
    short = stage(direct="no-such-node.invalid:104:NOBODY")
    assert short.exit_code == 30
    assert "NOBODY at no-such-node.invalid:104 cannot be reached" in short.error.message


def test_a_node_without_our_sop_class_is_bad_input(stage, node):
    short = stage(direct=node(0x0000, classes=["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.1"]))
    assert short.exit_code == 20
    assert "takes none of our objects, of SOP class 1.2.840.10008.5.1.4.1.1.66.4" in short.error.message


def test_a_compressed_instance_beside_an_uncompressed_one_is_refused_by_name(stage, node, instances):
    dataset = dcmread(instances / "2.dcm")
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    del dataset.PixelData
    dcmwrite(instances / "2.dcm", dataset, enforce_file_format=True)
    short = stage(direct=node(0x0000))
    assert short.exit_code == 20
    assert "TEST does not take objects of SOP class 1.2.840.10008.5.1.4.1.1.66.4" in short.error.message


def test_a_file_that_is_no_dicom_is_named(stage, node, instances):
    (instances / "2.dcm").write_bytes(b"no dicom")
    short = stage(direct=node(0x0000))
    assert (short.exit_code, short.error.message) == (20, "2.dcm is no DICOM file: InvalidDicomError")
