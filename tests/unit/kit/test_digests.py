"""A file is hashed once, whatever its names, and never believed to be what it is not."""

import hashlib
import os

import pytest

from clara_stages.kit.contract import digests as module
from clara_stages.kit.contract.digests import FileDigests, begin_folder_digest, file_digest, folder_digest


@pytest.fixture
def reads(monkeypatch):
    """The files that were read."""
    seen = []

    def read(file, piece=None):
        seen.append(os.fspath(file))
        return file_digest(file, piece)

    monkeypatch.setattr(module, "file_digest", read)
    return seen


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 7])
def test_a_file_of_any_size_has_the_sha_256_of_its_bytes(tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    assert file_digest(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_a_second_name_costs_no_second_reading(tmp_path, reads):
    (tmp_path / "a").write_bytes(b"1")
    os.link(tmp_path / "a", tmp_path / "b")
    digests = FileDigests()
    digests.begin([tmp_path / "a"])
    assert digests.digest_of(tmp_path / "b") == hashlib.sha256(b"1").hexdigest()
    assert len(reads) == 1


def test_a_file_that_was_written_to_since_is_read_again(tmp_path):
    digests = FileDigests()
    (tmp_path / "a").write_bytes(b"1")
    first = digests.digest_of(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"12")
    os.utime(tmp_path / "a", ns=(0, 0))
    assert digests.digest_of(tmp_path / "a") != first
    (tmp_path / "other").write_bytes(b"34")
    os.replace(tmp_path / "other", tmp_path / "a")
    assert digests.digest_of(tmp_path / "a") == hashlib.sha256(b"34").hexdigest()


def test_what_is_known_is_not_read(tmp_path, reads):
    (tmp_path / "a").write_bytes(b"1")
    digests = FileDigests()
    digests.know(tmp_path / "a", "as it was written")
    assert digests.digest_of(tmp_path / "a") == "as it was written"
    assert reads == []


def test_a_file_that_is_gone_is_an_error_only_for_those_who_ask(tmp_path):
    digests = FileDigests()
    digests.begin([tmp_path / "gone"])
    with pytest.raises(FileNotFoundError):
        digests.digest_of(tmp_path / "gone")


def test_a_folder_s_digest_is_of_the_files_that_were_there(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    whole = folder_digest(tmp_path)
    finish = begin_folder_digest(tmp_path)
    (tmp_path / "b").write_bytes(b"2")
    assert finish() == whole != folder_digest(tmp_path)


def test_an_input_that_cannot_be_read_counts_by_its_name(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    finish = {strict: begin_folder_digest(tmp_path, strict=strict) for strict in (True, False)}
    (tmp_path / "a").unlink()
    assert len(finish[False]()) == 64
    with pytest.raises(FileNotFoundError):
        finish[True]()


def test_names_are_ordered_by_their_parts_and_links_to_folders_are_not_entered(tmp_path):
    """As ``pathlib`` orders them; a digest that was kept stays true."""
    for name in ("a/z", "a-b/y", "a.txt", "c/__pycache__/x", "\udcff"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, errors="surrogateescape")
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nothing").symlink_to(tmp_path / "gone")
    total = hashlib.sha256()
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        total.update(os.fsencode(path.relative_to(tmp_path)) + f"\0{file_digest(path)}\n".encode())
    assert folder_digest(tmp_path, without=frozenset({"__pycache__"})) == total.hexdigest()
