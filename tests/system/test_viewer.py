"""Results in a radiologist's viewer: OHIF in Chromium, on what Orthanc gives it."""

import base64
import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.support.viewer import opened_study, running_pacs
from tests.support.writing import BODIES, write_inputs

GREEN, BLUE, RED = (0, 255, 0), (0, 0, 255), (255, 0, 0)
COLOURED = 40
"""By how much a channel stands above the two others where a segment is drawn over grey."""

SEEN_PIXELS = 500
"""A segment is shown where more pixels than this have its colour."""

ABOVE_LEGEND = 0.7
"""The part of a Secondary Capture that is the image; the legend has the colours too."""

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module", params=["axial", "enhanced"])
def viewer(request, tmp_path_factory):
    """A viewer that shows a study with its SEG, SR and SC, and the report of the measurements."""
    folder = tmp_path_factory.mktemp(request.param)
    bodies = tuple(replace(body, colour_rgb=colour) for body, colour in zip(BODIES, (GREEN, BLUE, RED), strict=True))
    inputs = write_inputs(folder / "inputs", request.param, bodies=bodies)
    arguments = [f"--input={name}={path}" for name, path in inputs.items()]
    output = folder / "output"
    subprocess.run(
        [sys.executable, "-m", "clara_stages.dicom_writer", *arguments, f"--output={output}",
         "--param", f"outputs={json.dumps(['seg', 'sr', 'sc'])}"],
        check=True, capture_output=True,
    )  # fmt: skip
    with running_pacs() as pacs:
        for path in [*inputs["source"].glob("*.dcm"), *(output / "instances").glob("*.dcm")]:
            pacs.store(path)
        with opened_study(pacs) as page:
            yield page


def test_the_segmentation_lies_on_the_right_side_of_the_patient(viewer: Page):
    open_series(viewer, "SEG")
    viewer.get_by_text("Yes", exact=True).click()
    expect_places(shown(viewer))


def test_the_pictures_show_the_same(viewer: Page):
    open_series(viewer, "OT")
    expect_places(shown(viewer, part=ABOVE_LEGEND))


def test_the_report_shows_its_measurements(viewer: Page):
    open_series(viewer, "SR")
    viewer.get_by_text("Volume").first.wait_for(state="attached")


def open_series(page: Page, modality: str) -> None:
    """Open the series of a modality as a person does: by a double click in the list."""
    page.locator("[data-cy^=study-browser-thumbnail]").filter(has_text=modality).first.dblclick()


def shown(page: Page, part: float = 1.0) -> np.ndarray:
    """The upper part of what the viewport draws, ``[row, column, 3]``, scrolled to the first image with segments."""
    canvas = page.locator("canvas.cornerstone-canvas").first
    for _ in range(40):
        page.wait_for_timeout(500)
        drawn = canvas.evaluate("canvas => canvas.toDataURL()").partition(",")[2]
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn))).convert("RGB")).astype(int)
        picture = picture[: int(len(picture) * part)]
        if mask(picture, 1).sum() > SEEN_PIXELS and mask(picture, 2).sum() > SEEN_PIXELS:
            return picture
        canvas.hover()
        page.mouse.wheel(0, 100)
    raise AssertionError("the viewer never showed the segments")


def mask(picture: np.ndarray, channel: int) -> np.ndarray:
    """Where one channel stands above the others."""
    others = np.delete(picture, channel, axis=2).max(axis=2)
    return picture[..., channel] - others > COLOURED


def expect_places(picture: np.ndarray) -> None:
    """The liver (green) is on the patient's right, which is the picture's left; the left kidney behind it."""
    (liver_row, liver_column), (kidney_row, kidney_column) = (
        np.argwhere(mask(picture, channel)).mean(axis=0) for channel in (1, 2)
    )
    assert liver_column < kidney_column
    assert liver_row < kidney_row
