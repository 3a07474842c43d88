import hashlib
import json
import socket

import pytest


def receipts(tmp_path, output="out"):
    return json.loads((tmp_path / output / "receipts/receipts.json").read_text())


def test_a_delivery_is_handed_over_with_digests_and_its_receipts_are_written(stage, adapter, instances, tmp_path):
    adapter.script = [{}, {"PACS": adapter.receipt("sent", attempts=2)}]
    short = stage(adapter, destinations=["PACS"])
    assert (short.exit_code, short.folders) == (0, {"receipts": "receipts"})
    assert short.metrics == {"instances": 2, "destinations": 1}
    ((key, body),) = adapter.deliveries.items()
    assert key.endswith(":instances") or len(key) == 64
    assert (body["folder"], body["workflow"], body["destinations"]) == (str(instances), "by-hand", ["PACS"])
    first = body["instances"][0]
    assert first["digest"] == hashlib.sha256((instances / "1.dcm").read_bytes()).hexdigest()
    assert (first["file"], first["sop_instance_uid"]) == ("1.dcm", "1.2.3.1")
    written = receipts(tmp_path)
    assert written["result_key"] == key
    expected = {"attempts": 2, "sop_instance_uid": "1.2.3.2", "state": "sent", "status": "0000"}
    assert written["destinations"]["PACS"]["instances"][1] == expected


def test_every_destination_must_have_everything(stage, adapter, tmp_path):
    adapter.script = [
        {"PACS": adapter.receipt("sent")},
        {"PACS": adapter.receipt("sent"), "ARCHIVE": adapter.receipt("sent")},
    ]
    assert stage(adapter, destinations=["PACS", "ARCHIVE"]).exit_code == 0
    assert sorted(receipts(tmp_path)["destinations"]) == ["ARCHIVE", "PACS"]
    assert [method for method, _ in adapter.requests] == ["POST", "GET", "GET"]


def test_a_second_run_sends_nothing_again(stage, adapter):
    adapter.script = [{"PACS": adapter.receipt("sent")}]
    assert stage(adapter, destinations=["PACS"]).exit_code == 0
    assert stage(adapter, destinations=["PACS"], output="again").exit_code == 0
    assert len(adapter.deliveries) == 1


def test_a_permanent_failure_names_destination_and_status(stage, adapter, tmp_path):
    failed = adapter.receipt("failed", "A900", "data set does not match SOP class")
    adapter.script = [{"PACS": adapter.receipt("sent"), "ARCHIVE": failed}]
    short = stage(adapter, destinations=["PACS", "ARCHIVE"])
    assert short.exit_code == 20
    expected = "delivery failed for good to ARCHIVE: status A900 (data set does not match SOP class)"
    assert short.error.message == expected
    assert list((tmp_path / "out").iterdir()) == []


def test_a_status_that_is_a_number_is_written_in_hexadecimal(stage, adapter):
    adapter.script = [{"PACS": adapter.receipt("failed", 0x0122)}]
    assert "PACS: status 0122" in stage(adapter, destinations=["PACS"]).error.message


def test_what_is_not_sent_in_time_may_be_retried(stage, adapter):
    short = stage(adapter, destinations=["PACS"], wait_s=0.3)
    assert short.exit_code == 30
    assert short.error.message == "after 0.3 s PACS has not got everything"
    assert "the adapter goes on trying" in short.error.remedy


def test_the_stored_result_wins_with_a_warning(stage, adapter, monkeypatch, instances):
    import clara_stages.kit.command_line as command_line

    monkeypatch.setattr(command_line, "_begin_folder_key", lambda *_: lambda: "the-same-key")
    adapter.script = [{"PACS": adapter.receipt("sent")}]
    assert stage(adapter, destinations=["PACS"]).exit_code == 0
    with (instances / "1.dcm").open("ab") as stream:
        stream.write(b"\0\0")
    short = stage(adapter, destinations=["PACS"], output="again")
    assert short.exit_code == 0
    assert "the stored one wins" in short.warnings[0]


def test_a_wrong_token_names_the_variable(stage, adapter):
    short = stage(adapter, token="wrong", destinations=["PACS"])
    assert short.exit_code == 20
    assert short.error.message == "the adapter refused our token (401): CLARA_ADAPTER_TOKEN is wrong"
    assert "CLARA_ADAPTER_TOKEN is not set" in stage(adapter, token="", destinations=["PACS"]).error.message


def test_an_unknown_destination_is_bad_input(stage, adapter):
    short = stage(adapter, destinations=["MYPACS"])
    assert short.exit_code == 20
    assert (
        "refused the delivery to MYPACS (400): unknown destination MYPACS, known are ARCHIVE, PACS"
        in short.error.message
    )


def test_an_adapter_that_answers_5xx_may_be_retried(stage, adapter):
    adapter.broken = 1
    short = stage(adapter, destinations=["PACS"])
    assert (short.exit_code, short.error.message) == (30, "the adapter answered 503: the ledger is locked")


def test_a_short_outage_while_waiting_is_survived(stage, adapter):
    adapter.script = [{}, {"PACS": adapter.receipt("sent")}]
    take = adapter.post

    def post_and_break(body):
        adapter.broken = 3
        return take(body)

    adapter.post = post_and_break
    assert stage(adapter, destinations=["PACS"], wait_s=20).exit_code == 0


def test_an_outage_that_lasts_may_be_retried(stage, adapter):
    take = adapter.post

    def post_and_break(body):
        adapter.broken = 10**6
        return take(body)

    adapter.post = post_and_break
    short = stage(adapter, destinations=["PACS"], wait_s=0.2)
    assert (short.exit_code, short.error.message) == (30, "the adapter answered 503: the ledger is locked")


def test_a_delivery_that_the_adapter_forgot_may_be_retried(stage, adapter):
    take = adapter.post

    def post_and_forget(body):
        answer = take(body)
        adapter.deliveries.clear()
        return answer

    adapter.post = post_and_forget
    short = stage(adapter, destinations=["PACS"])
    assert short.exit_code == 30
    assert "answered 404 to a delivery that it took" in short.error.message


def test_an_adapter_that_is_not_there_may_be_retried(stage):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        short = stage(url, destinations=["PACS"])
    assert short.exit_code == 30
    assert "the adapter does not answer: ConnectError" in short.error.message


def test_a_token_with_odd_characters_is_refused_and_not_shown(stage, adapter):
    short = stage(adapter, token="sec\nret", destinations=["PACS"])
    assert (short.exit_code, short.error.message) == (20, "CLARA_ADAPTER_TOKEN holds characters that no token has")


def test_a_line_end_after_the_token_is_forgiven(stage, adapter):
    adapter.script = [{"PACS": adapter.receipt("sent")}]
    assert stage(adapter, token="test-token\n", destinations=["PACS"]).exit_code == 0


@pytest.mark.parametrize("url", ["", "adapter:8090", "http://adapter:port"])
def test_an_address_that_is_none_names_the_variable(stage, url):
    short = stage(url, destinations=["PACS"])
    assert short.exit_code == 20
    assert f"CLARA_ADAPTER_URL is {url!r}, expected the adapter's address" in short.error.message


def test_a_delivery_with_other_destinations_is_named(stage, adapter):
    adapter.script = [{"PACS": adapter.receipt("sent")}]
    assert stage(adapter, destinations=["PACS"]).exit_code == 0
    short = stage(adapter, destinations=["ARCHIVE"], output="again")
    assert short.exit_code == 20
    assert "the adapter's delivery of this result goes to PACS, not to ARCHIVE" in short.error.message


def test_an_answer_that_is_no_delivery_is_bad_input(stage, adapter):
    adapter.get = lambda key, wait_s: (200, {"destinations": {"PACS": {"instances": [{}]}}})
    short = stage(adapter, destinations=["PACS"])
    assert short.exit_code == 20
    assert "the adapter's answer is no delivery: KeyError: 'state'" in short.error.message


def test_no_destinations_is_nothing_to_do(stage, adapter):
    short = stage(adapter, destinations=[])
    assert (short.exit_code, short.outcome) == (10, "nothing_to_do")
    assert short.error.message == "no destinations are named: nothing is sent"
    assert adapter.requests == []


def test_destinations_and_direct_together_are_refused(stage):
    assert stage(destinations=["PACS"], direct="localhost:1:A").exit_code == 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "instances.json").unlink(), "the input folder has no instances.json"),
        (lambda folder: (folder / "instances.json").write_text("{}"), "instances.json cannot be used: KeyError"),
        (lambda folder: (folder / "instances.json").write_text('{"instances": []}'), "names no instance"),
        (lambda folder: (folder / "2.dcm").unlink(), "names 2.dcm, which cannot be read: No such file"),
    ],
)
def test_a_bad_input_folder_is_named(stage, adapter, instances, change, words):
    change(instances)
    short = stage(adapter, destinations=["PACS"])
    assert short.exit_code == 20
    assert words in short.error.message
