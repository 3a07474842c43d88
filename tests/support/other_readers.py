"""The readers that most people use, each asked in its plainest way for every volume of a series."""

import logging
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk

from clara_stages.kit import BadInputError
from tests.support.peers import require_program
from tests.support.reading_cases import Voxels, files_of_series, read_nifti
from tests.support.reading_judge import inspect, read_with_stage

_TIMEOUT_S = 120


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a reader made of one series: volumes, or the first words of its refusal.

    Attributes:
        volumes: Each 3D or 4D; colour has its components as a structured or last axis and is not in here.
        colour: Whether it made colour images.
        refusal: "" where it did not refuse.
    """

    volumes: tuple[Voxels, ...] = ()
    colour: bool = False
    refusal: str = ""


Reader = Callable[[Path, str], Made]
"""Takes a folder and how the Series Instance UID ends."""


def read_with_ours(folder: Path, series: str) -> Made:
    """The stage, on each volume of the series that its inspection announces."""
    made, refusals = [], []
    with tempfile.TemporaryDirectory() as name:
        entries = [item for item in inspect(folder)["volumes"] if item["series_instance_uid"].endswith(series)]
        for number, entry in enumerate(entries):
            rule = f'series.series_instance_uid.endsWith("{series}") && volume.name == "{entry["volume"]}"'
            params = {
                "select": rule,
                "volumes": "4d" if len(entry["shape"] or ()) == 4 else "one",
                "images": entry["verdict"] == "image",
            }
            try:
                made.append(read_with_stage(folder, Path(name) / str(number), **params).voxels)
            except BadInputError as error:
                refusals.append(str(error))
    return Made(volumes=tuple(made), refusal="" if made else "; ".join(refusals))


def read_with_simpleitk(folder: Path, series: str) -> Made:
    """``ImageSeriesReader`` with the names that GDCM sorts, folder by folder, as the documentation shows."""
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    made, refusals, colour = [], [], False
    for place in sorted({path.parent for path in files_of_series(folder, series)}):
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(place)):
            if not uid.endswith(series):
                continue
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(place), uid))
            try:
                image = reader.Execute()
            except RuntimeError as error:
                refusals.append(str(error).strip().splitlines()[-1])
                continue
            if image.GetNumberOfComponentsPerPixel() > 1:
                colour = True
            else:
                made.append(_from_simpleitk(image))
    return Made(volumes=tuple(made), colour=colour, refusal="; ".join(refusals))


def _from_simpleitk(image: sitk.Image) -> Voxels:
    dimension = image.GetDimension()
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    affine[:dimension, :dimension] = direction * image.GetSpacing()
    affine[:dimension, 3] = image.GetOrigin()
    values = sitk.GetArrayFromImage(image).T
    return Voxels(values=values if dimension > 2 else values[..., np.newaxis], affine_lps=affine)


def read_with_dcm2niix(folder: Path, series: str) -> Made:
    """``dcm2niix`` on the folder with its defaults, but uncompressed and Philips values as the rescale gives them."""
    program = require_program("dcm2niix")
    with tempfile.TemporaryDirectory() as name:
        command = [program, "-z", "n", "-b", "n", "-p", "n", "-d", "9", "-f", "%j", "-o", name, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        made, colour = [], False
        for path in sorted(Path(name).glob("*.nii")):
            uid = path.stem.split("_")[0].rstrip("abcdefghijklmnopqrstuvwxyz")
            if not uid.endswith(series):
                continue
            found = read_nifti(path)
            colour = colour or found.values.dtype.fields is not None
            if found.values.dtype.fields is None:
                made.append(_as_volume(found))
    words = [line for line in done.stdout.splitlines() if line.startswith(("Error", "Warning"))]
    return Made(volumes=tuple(made), colour=colour, refusal="" if made or colour else "; ".join(words[:1]))


def _as_volume(voxels: Voxels) -> Voxels:
    values = np.array(voxels.values)
    return Voxels(values=values if values.ndim > 2 else values[..., np.newaxis], affine_lps=voxels.affine_lps)


def read_with_highdicom(folder: Path, series: str) -> Made:
    """``get_volume_from_series``, or ``Image.get_volume`` for multi-frame objects."""
    logging.getLogger("highdicom").setLevel(logging.ERROR)
    made, refusals = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = [pydicom.dcmread(path, force=True) for path in files_of_series(folder, series)]
        frames = [item for item in datasets if "PixelData" in item]
        single = [item for item in frames if int(item.get("NumberOfFrames") or 1) == 1]
        several = [item for item in frames if item not in single]
        for group in [single] * bool(single) + [[item] for item in several]:
            try:
                if group is single:
                    volume = highdicom.get_volume_from_series(group)
                else:
                    volume = highdicom.Image.from_dataset(group[0]).get_volume()
            except Exception as error:
                refusals.append(f"{type(error).__name__}: {error}".splitlines()[0])
                continue
            affine = np.asarray(volume.affine)[:, [2, 1, 0, 3]]  # its axes are slice, row, column
            made.append(Voxels(values=np.asarray(volume.array).transpose(2, 1, 0), affine_lps=affine))
    return Made(volumes=tuple(made), refusal="; ".join(sorted(set(refusals))))


READERS: dict[str, Reader] = {
    "clara-ops": read_with_ours,
    "SimpleITK": read_with_simpleitk,
    "dcm2niix": read_with_dcm2niix,
    "highdicom": read_with_highdicom,
}


def versions() -> str:
    """Of the other readers, for the page."""
    program = require_program("dcm2niix")
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stdout.split()
    dcm2niix = next((word for word in said if word.startswith("v1.")), "?")
    return f"SimpleITK {version('SimpleITK')}, dcm2niix {dcm2niix}, highdicom {version('highdicom')}"
