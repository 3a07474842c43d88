"""What ``conf.study`` may name."""

import dataclasses
import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from clara_ops.operators.study import find_study
from clara_ops.settings import load_settings


@pytest.fixture
def settings(tmp_path):
    return dataclasses.replace(load_settings(), io_root=tmp_path / "io", study_roots=(str(tmp_path / "inbox"),))


def make_arrival(settings, name="a0123456789abcdef"):
    folder = settings.io_root / "studies" / name
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({"study_digest": "root"}))
    return folder


def test_an_arrival_is_found_by_its_id_and_brings_its_root_key(settings):
    folder = make_arrival(settings)
    study = find_study("a0123456789abcdef", settings)
    assert (study.folder, study.key) == (folder, "root")


def test_a_folder_below_a_study_root_is_allowed_and_keyed_by_its_bytes(settings, tmp_path):
    folder = tmp_path / "inbox" / "study"
    folder.mkdir(parents=True)
    (folder / "1.dcm").write_bytes(b"1")
    first = find_study(str(folder), settings)
    (folder / "1.dcm").write_bytes(b"2")
    assert find_study(str(folder), settings).key != first.key


def test_a_folder_outside_is_refused_even_through_a_link(settings, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "link").symlink_to(outside)
    for path in (outside, tmp_path / "inbox" / "link", tmp_path / "inbox" / ".." / "outside"):
        with pytest.raises(AirflowFailException, match="outside the study roots"):
            find_study(str(path), settings)


@pytest.mark.parametrize("text", ["nowhere", "../../etc", "a/../../b", "", "Doe^Jane", "Doe\0Jane", "~Doe/study"])
def test_anything_else_is_refused_without_repeating_it(settings, text):
    settings.io_root.mkdir()
    with pytest.raises(AirflowFailException) as caught:
        find_study(text or "/nonexistent", settings)
    assert "Doe" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_not_named(settings, tmp_path):
    folder = tmp_path / "inbox" / "study"
    folder.mkdir(parents=True)
    (folder / "Doe^Jane.dcm").symlink_to("/proc/self/mem")  # exists, and cannot be read from its start
    with pytest.raises(AirflowFailException, match="cannot be read") as caught:
        find_study(str(folder), settings)
    assert "Doe" not in str(caught.value)
    assert caught.value.__cause__ is None
