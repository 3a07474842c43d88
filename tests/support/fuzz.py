"""Damaged DICOM files, made from sound ones by a seed, and a process of its own that reads them.

``python -m tests.support.fuzz CORPUS FOLDER SEED FIRST COUNT`` writes the files ``FIRST`` ... into FOLDER and reads
header and pixels of each within ``MEMORY_BYTES``. What became of them goes to stdout as JSON; the file in hand is on
stderr, should the process die.
"""

import faulthandler
import json
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clara_stages.dicom_reader.headers.frame import Frame

MEMORY_BYTES = 4 << 30
"""Address space of the process and of each decoder that it starts: what the stage asks for."""

HANG_S = 10.0
"""What one file may take."""

_LARGEST_SOURCE = 300_000
"""Bytes of a file that is damaged: larger ones would be mostly pixels, and slow."""

_OTHER_KINDS = (".gz", ".json", ".nii", ".nrrd", ".svs")

_LENGTHS = (0, 1, 2, 3, 7, 8, 255, 65534, 65535, 1 << 16, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 2, (1 << 32) - 1)
_NUMBERS = (b"0", b"-1", b"1e308", b"nan", b"inf", b"1\\2", b"65535", b"4294967295", b"x", b"\xff\xfe", b"../", b"")
_SCRAPS = (
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0",
    b"\xe0\x7f\x10\x00OW\0\0\xff\xff\xff\xff", b"\x28\0\x08\0IS\x0a\x00 999999999", b"\x28\0\x10\0US\x02\x00\xff\xff",
    b"\x08\0\x16\0UI\x1a\x001.2.840.10008.5.1.4.1.1.4.1", b"\0" * 64, b"\xff" * 64, b"DICM", b"SQ\0\0\xff\xff\xff\xff",
)  # fmt: skip
_VRS = (b"SQ", b"UN", b"OB", b"OW", b"US", b"FD", b"DS", b"IS", b"UI", b"LO", b"AT", b"??", b"\0\0", b"zz")


def list_corpus(folder: Path) -> list[Path]:
    """The DICOM files below a folder, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in _OTHER_KINDS and path.stat().st_size <= _LARGEST_SOURCE
    )


def damage(corpus: list[Path], seed: int, number: int) -> tuple[bytes, str]:
    """The bytes of one damaged file, and how it was made."""
    chance = random.Random(f"{seed}-{number}")
    source = chance.choice(corpus)
    data = bytearray(source.read_bytes())
    kinds = []
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
        change = chance.choice(_CHANGES)
        kinds.append(change.__name__.strip("_"))
        change(data, chance)
    return bytes(data), f"seed {seed}, file {number}: {source.name} with {', '.join(kinds)}"


def _place(data: bytearray, chance: random.Random) -> int:
    """Somewhere; as often in the header as in all the rest, which is mostly pixels."""
    return chance.randrange(min(len(data), chance.choice((600, 4000, 1 << 30, 1 << 30)))) if data else 0


def _flip_bits(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if data:
            data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _truncate(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _lie_about_a_length(data: bytearray, chance: random.Random) -> None:
    at = _element(data, chance)
    length = chance.choice(_LENGTHS)
    if bytes(data[at + 4 : at + 6]) in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        data[at + 8 : at + 12] = length.to_bytes(4, "little")
    else:
        data[at + 6 : at + 8] = (length & 0xFFFF).to_bytes(2, "little")


def _change_a_value(data: bytearray, chance: random.Random) -> None:
    at = _element(data, chance)
    value = chance.choice(_NUMBERS)
    data[at + 8 : at + 8 + len(value)] = value


def _change_a_vr(data: bytearray, chance: random.Random) -> None:
    at = _element(data, chance)
    data[at + 4 : at + 6] = chance.choice(_VRS)


def _insert(data: bytearray, chance: random.Random) -> None:
    at = chance.choice((_place, _element))(data, chance)
    data[at:at] = chance.choice(_SCRAPS) * chance.choice((1, 1, 1, 50, 2000))


def _swap_chunks(data: bytearray, chance: random.Random) -> None:
    size = chance.choice((4, 16, 100, 1000))
    one, other = sorted((_place(data, chance), _place(data, chance)))
    if one + size <= other:
        data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def _repeat_a_chunk(data: bytearray, chance: random.Random) -> None:
    start, end = _element(data, chance), _element(data, chance)
    if start < end:
        data[end:end] = data[start:end] * chance.choice((1, 1, 3))


def _remove_a_chunk(data: bytearray, chance: random.Random) -> None:
    at = _element(data, chance)
    del data[at : at + chance.choice((1, 2, 8, 40, 400))]


_CHANGES = (
    _flip_bits, _truncate, _lie_about_a_length, _lie_about_a_length, _change_a_value, _change_a_value, _change_a_vr,
    _insert, _swap_chunks, _repeat_a_chunk, _remove_a_chunk,
)  # fmt: skip


def _element(data: bytearray, chance: random.Random) -> int:
    """Where an explicit element seems to begin: its VR is two capitals. Any place where there is none near."""
    at = _place(data, chance)
    for step in range(4, min(200, len(data) - at - 12)):
        if bytes(data[at + step : at + step + 2]).isalpha() and bytes(data[at + step : at + step + 2]).isupper():
            return at + step - 4
    return at


def main(corpus: Path, folder: Path, seed: int, first: int, count: int) -> dict[str, object]:
    """Write and read the files, and say what became of them."""
    from clara_stages.dicom_reader.headers.files import StudyFile
    from clara_stages.dicom_reader.headers.read import NotAnInstanceError, read_file
    from clara_stages.dicom_reader.limits import Limits
    from clara_stages.dicom_reader.pixels.format import PixelError
    from clara_stages.dicom_reader.pixels.stored_values import read_frames
    from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom

    limits = Limits(max_frame_pixels=1 << 24, max_frames=1 << 12, max_header_mib=64, decode_timeout_s=5.0)
    outcomes: Counter[str] = Counter()
    frames: list[Frame] = []
    slowest, slowest_file = 0.0, ""
    sources = list_corpus(corpus)
    with quiet_pydicom():
        for number in range(first, first + count):
            data, recipe = damage(sources, seed, number)
            path = folder / f"{number:06d}"
            path.write_bytes(data)
            _in_hand(recipe)
            began = time.monotonic()
            try:
                instance, own = read_file(StudyFile(path=path, label=recipe), limits)
                outcomes[f"fault: {instance.fault.split(' (')[0]}" if instance.fault else "read"] += 1
                _note_bug(instance.fault, recipe)
                frames.extend(own[:2] + own[2:][-1:])
            except NotAnInstanceError as error:
                outcomes[f"left out: {str(error).split(' (')[0]}"] += 1
                _note_bug(str(error), recipe)
            if time.monotonic() - began > slowest:
                slowest, slowest_file = time.monotonic() - began, recipe
        _in_hand("pixels of the first")
        pixels = read_frames(frames, limits, workers=2)
        for frame in frames:
            began = time.monotonic()
            outcomes["no pixels" if isinstance(next(pixels), PixelError) else "pixels"] += 1
            _in_hand(f"pixels after {frame.instance.label}")
            if time.monotonic() - began > slowest:
                slowest, slowest_file = time.monotonic() - began, f"pixels of {frame.instance.label}"
        outcomes["too many pixels"] += sum(1 for _ in pixels)
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"outcomes": outcomes, "slowest_s": slowest, "slowest_file": slowest_file, "memory_mib": memory // 1024}


_BUGS = (
    "TypeError",
    "AttributeError",
    "IndexError",
    "KeyError",
    "NameError",
    "UnboundLocal",
    "Recursion",
    "MemoryError",
)


def _note_bug(text: str, recipe: str) -> None:
    """A damaged file may break its own values; these errors would be the reader's."""
    if any(f"({bug}" in text for bug in _BUGS):
        raise AssertionError(f"{text}: {recipe}")


def _in_hand(what: str) -> None:
    """Say which file is read now, and end the process with a traceback where that takes too long."""
    print(what, file=sys.stderr, flush=True)
    faulthandler.dump_traceback_later(2 * HANG_S, exit=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    result = main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6]))
    faulthandler.cancel_dump_traceback_later()
    json.dump(result, sys.stdout)
