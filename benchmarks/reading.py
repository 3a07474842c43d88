"""Reading a series: the stage beside dcm2niix, a bare SimpleITK read and write, and a raw copy of the pixels.

The stage promises more than dcm2niix: digests of all that it read and wrote, and a result that is on the disk. The fair
peer is dcm2niix with the same promises, made by sha256sum and sync.

Every round runs all of them one after another, each as a fresh process, so that other work on the machine meets all;
the figures are medians. The files are in the page cache for all of them, and Python's modules are compiled, as an
installation has them. Memory is watched in a round of its own, for watching takes time.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEG2000Lossless, JPEGLosslessSV1

from tests.support.series import write_ct_series

ROUNDS = 5
EDGE = 512
SIZES = (300, 1000)
COMPRESSED = 100
TINY = (16, 16, 8)
"""A volume that costs nothing: what its reading takes is start-up."""

POLL_S = 0.02
"""Between two looks at the memory of a process tree."""

_MIB = 1 << 20
SLICE_MIB = EDGE * EDGE * 2 / _MIB

_SIMPLEITK = """
import sys, SimpleITK as sitk
reader = sitk.ImageSeriesReader()
reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1]))
sitk.WriteImage(reader.Execute(), sys.argv[2] + "/volume.nii")
"""

_COPY = """
import pathlib, sys
with open(sys.argv[2] + "/pixels.raw", "wb") as copy:
    for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        with path.open("rb") as file:
            file.seek(-{size}, 2)
            copy.write(file.read())
"""


_WITH_DIGESTS = """
set -e
"$0" -z n -b n -o "$2" "$1"
sha256sum "$1"/* "$2"/*.nii > "$2/digests.txt"
sync "$2"/* "$2"
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run of one program."""

    seconds: float
    peak_mib: float


def slab(k: int) -> np.ndarray:
    """Stored values ``[column, row]`` of slice k, int16: a body of soft shades with noise, as compressible as a CT."""
    x, y = np.meshgrid(np.linspace(-1, 1, EDGE), np.linspace(-1, 1, EDGE), indexing="ij")
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2 < 1
    shade = 1050 + 60 * np.sin(9 * x + k / 40) * np.cos(7 * y)
    noise = np.random.default_rng(k).normal(0, 12, x.shape)
    return np.where(body, shade + noise, 24 + np.abs(noise)).astype(np.int16)


def write_plain(folder: Path, slices: int) -> None:
    """An uncompressed CT series of 512 x 512."""
    values = np.stack([slab(k) for k in range(min(slices, COMPRESSED))], axis=2)
    values = np.take(values, np.arange(slices) % values.shape[2], axis=2)
    write_ct_series(folder, shape=(EDGE, EDGE, slices), spacing_mm=(0.8, 0.8, 1.0), values=values)


def write_compressed(plain: Path, folder: Path, syntax: UID) -> None:
    """The same series, losslessly compressed."""
    import imagecodecs

    folder.mkdir()
    for path in sorted(plain.iterdir()):
        dataset = dcmread(path)
        stored = dataset.pixel_array.astype(np.uint16)
        if syntax == JPEG2000Lossless:
            frame = imagecodecs.jpeg2k_encode(stored, codecformat="j2k", reversible=True, level=0)
        else:
            frame = imagecodecs.ljpeg_encode(stored, bitspersample=16)
        dataset.PixelRepresentation = 0
        dataset.PixelData = encapsulate([bytes(frame)])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(folder / path.name, enforce_file_format=True)


def programs(study: Path, output: Path) -> dict[str, list[str]]:
    """Commands that make one volume of a folder."""
    stage = [sys.executable, "-m", "clara_stages.dicom_reader", "--input", f"study={study}", "--output", str(output)]
    found = {"stage": stage, "SimpleITK": [sys.executable, "-c", _SIMPLEITK, str(study), str(output)]}
    dcm2niix = shutil.which("dcm2niix")
    if dcm2niix:
        found["dcm2niix"] = [dcm2niix, "-z", "n", "-b", "n", "-o", str(output), str(study)]
        found["dcm2niix + sha256sum + sync"] = ["bash", "-c", _WITH_DIGESTS, dcm2niix, str(study), str(output)]
    return found


def environment(cores: int | None) -> dict[str, str]:
    """That of a measured program."""
    compiled = {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "clara-benchmark-modules")}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | compiled | ({"OMP_NUM_THREADS": str(cores)} if cores else {})


def measure(command: Sequence[str], output: Path, cores: int | None = None, *, watch: bool = False) -> Measured:
    """Run a command to its end: wall time, and the largest proportional set size of its processes where asked for."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    pinned = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))] if cores else []
    started = time.perf_counter()
    with subprocess.Popen(
        [*pinned, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(cores)
    ) as run:
        peak: list[float] = [0.0]
        watcher = threading.Thread(target=_watch_memory, args=(run.pid, peak))
        if watch:
            watcher.start()
        said, _ = run.communicate()
    seconds = time.perf_counter() - started
    if watch:
        watcher.join()
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {run.returncode}:\n{said.decode(errors='replace')[-2000:]}")
    return Measured(seconds=seconds, peak_mib=peak[0])


def _watch_memory(pid: int, peak: list[float]) -> None:
    try:
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            peak[0] = max(peak[0], sum(map(_private_mib, [root, *root.children(recursive=True)])))
            time.sleep(POLL_S)
    except psutil.Error:
        return


def _private_mib(process: psutil.Process) -> float:
    """What the process alone has, and its share of what it has with others; pages of mapped files count too."""
    try:
        return float(process.memory_full_info().pss) / _MIB
    except psutil.Error:
        return 0.0


def compare_programs(study: Path, output: Path, *, copy: bool, cores: int | None = None) -> dict[str, Measured]:
    """Seconds of every program, the median of several rounds, after a first round that watches memory."""
    commands = programs(study, output)
    if copy:
        commands["raw copy"] = [sys.executable, "-c", _COPY.format(size=2 * EDGE * EDGE), str(study), str(output)]
    watched = {name: measure(command, output, cores, watch=True) for name, command in commands.items()}
    runs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            runs[name].append(measure(command, output, cores).seconds)
    return {
        name: Measured(seconds=statistics.median(seconds), peak_mib=watched[name].peak_mib)
        for name, seconds in runs.items()
    }


def report(title: str, volume_mib: float, measured: dict[str, Measured]) -> None:
    """Print one table: seconds, the stage's ratio to each, memory as ratio of the int16 volume."""
    print(f"{title}: volume {volume_mib:.0f} MiB")
    stage = measured["stage"]
    for name, run in measured.items():
        ratio = "" if name == "stage" else f"   stage / {name} {stage.seconds / run.seconds:5.2f}"
        peak = f"   peak {run.peak_mib / volume_mib:5.2f} x the volume" if volume_mib >= 1 else ""
        print(f"  {name:28} {run.seconds:6.2f} s{peak}{ratio}", flush=True)


def main() -> None:
    """Print the figures."""
    print("targets: stage / dcm2niix <= 1, stage / raw copy <= 3, stage's peak <= 3 x the volume")
    with tempfile.TemporaryDirectory() as name:
        root, output = Path(name), Path(name) / "out"
        write_ct_series(root / "tiny", shape=TINY)
        report("start-up: 8 slices of 16 x 16", 0, compare_programs(root / "tiny", output, copy=False))
        for slices in SIZES:
            write_plain(root / "plain", slices)
            measured = compare_programs(root / "plain", output, copy=True)
            report(f"{slices} uncompressed slices of {EDGE} x {EDGE}", slices * SLICE_MIB, measured)
            shutil.rmtree(root / "plain")
        write_plain(root / "plain", COMPRESSED)
        cores = len(os.sched_getaffinity(0))
        for syntax in (JPEG2000Lossless, JPEGLosslessSV1):
            folder = root / str(syntax)
            write_compressed(root / "plain", folder, syntax)
            for used in sorted({1, cores}):
                measured = compare_programs(folder, output, copy=False, cores=used)
                title = f"{COMPRESSED} slices, {syntax.name.split(',')[0]}, {used} of {cores} cores"
                report(title, COMPRESSED * SLICE_MIB, measured)


if __name__ == "__main__":
    main()
