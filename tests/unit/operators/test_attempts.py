"""Attempt folders: finished ones are adopted by key, unfinished ones go."""

from clara_ops.operators.attempts import discard_unfinished, find_finished, held, make_attempt_folder
from clara_stages.kit.contract import Outcome, StageResult


def finish(folder, key):
    (folder / "volume").mkdir()
    result = StageResult(outcome=Outcome.COMPLETED, stage_key=key, digest="d", folders={"volume": "volume"})
    (folder / "result.json").write_text(result.to_json())


def test_each_attempt_has_a_folder_of_its_own(tmp_path):
    folders = [make_attempt_folder(tmp_path / "read", 1) for _ in range(3)]
    assert [folder.name for folder in folders] == ["1", "2", "3"]


def test_a_finished_attempt_with_an_equal_key_is_adopted(tmp_path):
    finish(make_attempt_folder(tmp_path, 1), "other")
    second = make_attempt_folder(tmp_path, 2)
    finish(second, "mine")
    found = find_finished(tmp_path, "mine")
    assert found.completed
    assert found.io_folder == str(second)


def test_an_attempt_without_result_is_neither_adopted_nor_kept(tmp_path):
    half = make_attempt_folder(tmp_path, 1)
    (half / "volume").mkdir()
    broken = make_attempt_folder(tmp_path, 2)
    (broken / "result.json").write_text('{"contract": 1, "outc')
    kept = make_attempt_folder(tmp_path, 3)
    finish(kept, "mine")
    assert find_finished(tmp_path, "other") is None
    assert discard_unfinished(tmp_path) == ["1", "2"]
    assert [item.name for item in tmp_path.iterdir()] == ["3"]


def test_a_stage_that_never_ran_has_nothing_to_adopt(tmp_path):
    assert find_finished(tmp_path / "none", "key") is None
    assert discard_unfinished(tmp_path / "none") == []


def test_an_attempt_that_still_runs_keeps_its_folder(tmp_path):
    running = make_attempt_folder(tmp_path, 1)
    with held(running):
        assert discard_unfinished(tmp_path) == []
    assert discard_unfinished(tmp_path) == ["1"]


def test_a_result_whose_data_is_gone_is_not_adopted(tmp_path):
    folder = make_attempt_folder(tmp_path, 1)
    finish(folder, "mine")
    (folder / "volume").rmdir()
    assert find_finished(tmp_path, "mine") is None
