"""Request, result and short result survive the trip, and refuse what is none."""

import json

import pytest

from clara_stages.kit.contract import ErrorReport, Kind, Outcome, ShortResult, StageRequest, StageResult, joins
from clara_stages.kit.contract.digests import folder_digest
from clara_stages.kit.contract.keys import bundle_digest, stage_key, study_digest
from clara_stages.kit.contract.request import request_environment

REQUEST = StageRequest(
    workflow="W",
    dag_run_id="r",
    stage="read",
    stage_key="k",
    output="/o",
    inputs={"study": "/s"},
    params={"n": 3, "rule": "a b"},
)


def test_a_request_survives_the_trip():
    assert StageRequest.from_json(REQUEST.to_json()) == REQUEST


def test_unknown_keys_of_a_request_are_ignored():
    values = {**json.loads(REQUEST.to_json()), "later": 1}
    assert StageRequest.from_json(json.dumps(values)) == REQUEST


def test_another_contract_is_refused_with_both_versions():
    text = REQUEST.to_json().replace('"contract": 1', '"contract": 2')
    with pytest.raises(ValueError, match="speaks contract 2, this stage speaks 1"):
        StageRequest.from_json(text)


def test_an_incomplete_request_says_what_is_missing():
    with pytest.raises(ValueError, match=r"incomplete.*stage_key"):
        StageRequest.from_json('{"contract": 1, "workflow": "W", "dag_run_id": "r", "stage": "s", "output": "/o"}')


def test_a_container_that_does_not_know_us_finds_its_input_and_output():
    environment = request_environment(REQUEST, "study")
    assert (
        environment["CLARA_INPUT_STUDY"] == environment["HOLOSCAN_INPUT_PATH"] == environment["MONAI_INPUTPATH"] == "/s"
    )
    assert environment["CLARA_OUTPUT"] == environment["HOLOSCAN_OUTPUT_PATH"] == environment["MONAI_OUTPUTPATH"] == "/o"
    assert (environment["CLARA_PARAM_N"], environment["CLARA_PARAM_RULE"]) == ("3", "a b")


def test_a_result_survives_the_trip():
    result = StageResult(outcome=Outcome.COMPLETED, stage_key="k", digest="d", folders={"a": "a"}, warnings=["w"])
    assert StageResult.from_json(result.to_json()) == result


def test_a_result_of_another_contract_is_no_result():
    with pytest.raises(ValueError, match="not a result of contract 1"):
        StageResult.from_json('{"contract": 9}')


def test_a_short_result_fits_a_termination_message_whatever_it_holds():
    short = ShortResult(
        exit_code=20,
        metrics={str(n): n for n in range(2000)},
        warnings=["ü" * 500] * 10,
        error=ErrorReport(code=20, message="ä" * 5000, remedy="ö" * 5000),
    )
    line = short.to_json()
    assert len(line.encode()) <= 4096
    assert ShortResult.from_line(line).error.message == "ä" * 800


@pytest.mark.parametrize("line", ["", "words", '{"message": "short_result"}', '{"short_result": 3}', '{"short_result'])
def test_any_other_line_is_no_short_result(line):
    assert ShortResult.from_line(line) is None


def test_the_study_digest_depends_on_the_uids_only():
    assert study_digest(["2", "1", "1"]) == study_digest(["1", "2"]) != study_digest(["1", "3"])


def test_the_stage_key_depends_on_everything_that_shapes_the_result():
    base = {"stage_version": "a@1", "params": {"x": 1}, "input_keys": {"i": "k"}, "bundle_digest": "b"}
    keys = {stage_key(**base)}
    for name, value in [
        ("stage_version", "a@2"),
        ("params", {"x": 2}),
        ("input_keys", {"i": "l"}),
        ("bundle_digest", "c"),
    ]:
        keys.add(stage_key(**{**base, name: value}))
    assert len(keys) == 5


def test_a_folder_s_digest_sees_names_and_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    first = folder_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = folder_digest(tmp_path)
    (tmp_path / "b").write_bytes(b"2")
    assert len({first, renamed, folder_digest(tmp_path)}) == 3


def test_instances_are_a_study_but_a_volume_is_no_label_map():
    assert joins(Kind.DICOM_INSTANCES, Kind.DICOM_STUDY)
    assert joins(Kind.FILES, Kind.VOLUME)
    assert not joins(Kind.VOLUME, Kind.LABEL_MAP)
    assert not joins(Kind.DICOM_STUDY, Kind.DICOM_INSTANCES)


def test_a_bundle_s_digest_does_not_see_caches(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "metadata.json").write_text("{}")
    digest = bundle_digest(tmp_path)
    (tmp_path / "scripts" / "__pycache__").mkdir(parents=True)
    (tmp_path / "scripts" / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert bundle_digest(tmp_path) == digest


def test_an_incomplete_result_says_what_is_missing():
    with pytest.raises(ValueError, match=r"incomplete.*stage_key"):
        StageResult.from_json('{"contract": 1, "outcome": "completed", "digest": "d"}')


def test_without_a_primary_input_nobody_is_given_a_wrong_one():
    environment = request_environment(REQUEST, None)
    assert not {"HOLOSCAN_INPUT_PATH", "MONAI_INPUTPATH"} & set(environment)
