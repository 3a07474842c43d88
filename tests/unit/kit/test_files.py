"""A reader never sees half a file."""

import json
import os
import threading

import pytest

from clara_stages.kit.contract.digests import file_digest
from clara_stages.kit.files import HashedWriter, atomic_path, link_or_copy, write_json, write_text
from clara_stages.kit.write_back import begin_write_back


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "first")

    def fail():
        with atomic_path(target) as partial:
            partial.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert target.read_text() == "first"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_json_is_sorted_and_holds_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": "ü", "a": 1})
    assert (tmp_path / "a.json").read_text() == '{\n "a": 1,\n "b": "ü"\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "b.json", {"x": float("nan")})
    assert not (tmp_path / "b.json").exists()


def test_a_second_name_costs_no_space_where_the_disk_allows_it(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")


def test_where_a_link_is_refused_the_bytes_are_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("not the owner")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_bytes(b"1")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert not (tmp_path / "b").samefile(tmp_path / "a")
    assert (tmp_path / "b").read_bytes() == b"1"


def test_json_survives_the_trip(tmp_path):
    write_json(tmp_path / "a.json", [1, {"x": None}])
    assert json.loads((tmp_path / "a.json").read_text()) == [1, {"x": None}]


def test_a_hashed_writer_knows_what_it_wrote(tmp_path):
    pieces = [bytes([number]) * 70_000 for number in range(20)]
    with (tmp_path / "x").open("wb") as stream, HashedWriter(stream) as writer:
        for piece in pieces:
            writer.write(piece)
    assert (tmp_path / "x").read_bytes() == b"".join(pieces)
    assert writer.hexdigest == file_digest(tmp_path / "x")


def test_what_is_written_in_the_background_is_all_there(tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr("clara_stages.kit.files._WRITE_BACK_BYTES", 5_000_000)
    monkeypatch.setattr("clara_stages.kit.files.begin_write_back", lambda *range_: begun.append(range_[1:]))
    pieces = [bytes([number]) * 1_500_000 for number in range(10)]
    with (tmp_path / "x").open("wb") as stream, HashedWriter(stream) as writer:
        for piece in pieces:
            writer.write(piece)
    assert (tmp_path / "x").read_bytes() == b"".join(pieces)
    assert writer.hexdigest == file_digest(tmp_path / "x")
    assert begun == [(0, 9_000_000), (9_000_000, 6_000_000)]


def test_a_write_back_that_the_system_refuses_changes_nothing(tmp_path):
    with (tmp_path / "x").open("wb") as stream:
        begin_write_back(stream.fileno(), -1, -1)
    begin_write_back(-1, 0, 1)


def test_a_hashed_writer_ends_its_thread_on_an_error(tmp_path):
    before = threading.active_count()

    def fail():
        with (tmp_path / "x").open("wb") as stream, HashedWriter(stream) as writer:
            writer.write(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert threading.active_count() == before
