"""A decoder that crashes, hangs or asks for too much costs its frame and no other."""

import os
import signal
import struct
import subprocess
import sys

import imagecodecs
import numpy as np
import psutil
import pytest
from pydicom import uid

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.cores import available_cores
from clara_stages.dicom_reader.pixels.decoder_pool import DecoderPool
from clara_stages.dicom_reader.pixels.decoder_protocol import Job
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_frames, same_pixels
from tests.support.pixel_files import LOSSLESS, encode_rle, frames_of, stack_of, write_image

VALUES = stack_of(1, dtype=np.uint16)[0]
GOOD = Job(codec="rle", words="<u2", rows=20, columns=24, codestream=encode_rle(VALUES))
CRASH = Job(
    codec="rle",
    words="<u2",
    rows=20,
    columns=24,
    codestream=struct.pack("<16I", 2, 64, 1 << 30, *[0] * 13) + b"\x81\0" * 20,
)
"""A segment's offset beyond the data, which the reader itself never hands on: the C decoder follows it."""


def test_a_decoder_that_crashes_costs_its_frame():
    with DecoderPool(1, 10.0) as pool:
        results = [pool.submit(job) for job in (GOOD, CRASH, GOOD)]
        assert np.array_equal(results[0].result(), VALUES)
        assert str(results[1].result()) == "its decoder crashed"
        assert np.array_equal(results[2].result(), VALUES)


def test_decoders_that_always_crash_are_given_up():
    with DecoderPool(2, 10.0) as pool:
        results = [pool.submit(CRASH) for _ in range(20)]
        assert "not decoded, because decoders crashed or hung on 16 images" in str(results[-1].result())
        assert "not decoded" in str(pool.submit(GOOD).result())


def test_a_decoder_that_hangs_is_ended_after_its_time():
    with DecoderPool(1, 0.5) as pool:
        pool.submit(GOOD).result()
        (hanging,) = pool.process_ids()
        os.kill(hanging, signal.SIGSTOP)
        assert str(pool.submit(GOOD).result()) == "its decoder took longer than 0.5 s"
        assert np.array_equal(pool.submit(GOOD).result(), VALUES)
        assert not psutil.pid_exists(hanging)


def test_a_decoder_may_not_take_more_memory_than_its_image_needs():
    large = imagecodecs.jpeg2k_encode(np.zeros((12000, 12000), np.uint16), codecformat="j2k", reversible=True)
    with DecoderPool(1, 60.0) as pool:  # the process is told that the image is small, so that the limit is too
        fault = pool.submit(Job(codec="j2k", words="<u2", rows=20, columns=24, codestream=large)).result()
    assert isinstance(fault, PixelError)
    assert "memory" in str(fault) or "cannot be decoded" in str(fault)


def test_no_decoder_outlives_the_pool():
    with DecoderPool(2, 10.0) as pool:
        for result in [pool.submit(GOOD) for _ in range(8)]:
            result.result()
        processes = pool.process_ids()
        assert processes
    assert not any(psutil.pid_exists(process) for process in processes)


def decoders():
    return [child for child in psutil.Process().children() if "decoder_process" in " ".join(child.cmdline())]


def test_frames_after_a_killed_decoder_are_read_by_another(tmp_path):
    stack = stack_of(12)
    frames = frames_of(write_image(tmp_path, stack, uid.JPEGLSLossless))
    reading = read_frames(frames, Limits(), workers=1)
    read = [next(reading)]
    for child in decoders():
        child.kill()
    read += list(reading)
    lost = [k for k, values in enumerate(read) if isinstance(values, PixelError)]
    assert len(lost) <= 1
    assert all(np.array_equal(values, stack[k]) for k, values in enumerate(read) if k not in lost)
    assert not decoders()


def test_frames_come_in_the_order_asked_for_from_several_processes_and_files(tmp_path):
    stack = stack_of(6)
    files = [
        frames_of(write_image(tmp_path, stack + k, syntax, name=f"s{k}"))
        for k, syntax in enumerate([*LOSSLESS, uid.ExplicitVRLittleEndian])
    ]
    frames = [file[at] for at in (3, 0, 5, 5) for file in files]
    expected = [stack[at] + k for at in (3, 0, 5, 5) for k in range(len(files))]
    assert np.array_equal(list(read_frames(frames, Limits(), workers=3)), expected)


def test_an_iterator_that_is_dropped_leaves_no_process(tmp_path):
    frames = frames_of(write_image(tmp_path, stack_of(12), uid.JPEGLSLossless))
    reading = read_frames(frames, Limits(), workers=1)
    next(reading)
    assert decoders()
    del reading
    assert not decoders()


def test_decoders_die_with_a_reader_that_is_killed():
    code = (
        "import time\n"
        "from clara_stages.dicom_reader.pixels.decoder_pool import DecoderPool\n"
        "from clara_stages.dicom_reader.pixels.decoder_protocol import Job\n"
        "pool = DecoderPool(1, 10.0)\n"
        "pool.submit(Job(codec='rle', words='<u2', rows=1, columns=1, codestream=b'')).result()\n"
        "print(*pool.process_ids(), flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as reader:
        decoder = psutil.Process(int(reader.stdout.readline()))
        reader.kill()
    psutil.wait_procs([decoder], timeout=30)
    assert not decoder.is_running()


def test_copies_are_compared_by_their_values(tmp_path):
    stack = stack_of(1)
    one, other, third = (
        frames_of(write_image(tmp_path, values, syntax, name=name))[0]
        for values, syntax, name in (
            (stack, uid.JPEG2000Lossless, "one"),
            (stack, uid.ExplicitVRBigEndian, "other"),
            (stack + 1, uid.ExplicitVRLittleEndian, "third"),
        )
    )
    assert same_pixels(one, other, Limits()) == ""
    assert same_pixels(one, third, Limits()) == "its pixels differ"
    again = frames_of(write_image(tmp_path, stack, uid.JPEG2000Lossless, name="again"))[0]
    assert same_pixels(one, again, Limits()) == ""
    third.instance.path.unlink()
    assert "cannot be compared: the file cannot be opened" in same_pixels(one, third, Limits())


@pytest.mark.parametrize(
    ("quota", "most"), [("150000 100000", 1), ("max 100000", 4096), ("400000 100000", 4), ("50000 100000", 1)]
)
def test_cores_are_no_more_than_the_containers_quota(tmp_path, quota, most):
    (tmp_path / "cpu.max").write_text(quota)
    assert 1 <= available_cores(tmp_path, tmp_path / "none") <= most


def test_cores_are_no_more_than_the_quota_of_an_older_kernel(tmp_path):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert available_cores(tmp_path, tmp_path / "none") == 1
