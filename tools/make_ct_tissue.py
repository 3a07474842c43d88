"""Make ``models/model.ts`` of the bundle ct_tissue: ``python tools/make_ct_tissue.py [FILE]``.

Nothing is trained. The first convolution smooths each slice, the second turns Hounsfield units into one score for each
class: straight lines whose upper envelope has its corners at the class limits, so that argmax gives the class. The
same command gives the same bytes.
"""

import argparse
import io
import zipfile
from pathlib import Path

import torch

CLASS_LIMITS_HU = (-2000.0, -190.0, -29.5, 150.5)
"""Where background (padding outside the field of view) ends and air and lung, fat, soft tissue, and bone begin."""

SCORE_HU = 50.0
"""Hounsfield units of one step of score: what softmax calls certain a few tens of HU from a limit."""

SMOOTHING = (1 / 16, 7 / 8, 1 / 16)
"""Separable in-plane kernel, in voxels: takes single noisy voxels away and leaves ribs on a grid of 3 mm; a binomial
kernel (1/4, 1/2, 1/4) would halve the bone found in them there."""

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class TissueScores(torch.nn.Module):
    """Hounsfield units [batch, 1, i, j, k] -> class scores [batch, 5, i, j, k]; smooths along i and j only."""

    __module__ = "ct_tissue"  # part of the saved bytes; else it would be __main__ or this file's name

    def __init__(self) -> None:
        super().__init__()
        kernel = torch.tensor(SMOOTHING)
        classes = len(CLASS_LIMITS_HU) + 1
        self.along_i = torch.nn.Parameter(kernel.reshape(1, 1, 3, 1, 1), requires_grad=False)
        self.along_j = torch.nn.Parameter(kernel.reshape(1, 1, 1, 3, 1), requires_grad=False)
        slopes = torch.arange(classes, dtype=torch.float32)
        # Neighbouring lines cross at the limit between their classes: slope c meets slope c + 1 there.
        offsets = -torch.cumsum(torch.tensor((0.0, *CLASS_LIMITS_HU)), dim=0)
        self.slopes = torch.nn.Parameter((slopes / SCORE_HU).reshape(classes, 1, 1, 1, 1), requires_grad=False)
        self.offsets = torch.nn.Parameter(offsets / SCORE_HU, requires_grad=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """See the class."""
        padded = torch.nn.functional.pad(image, [0, 0, 1, 1, 1, 1], mode="replicate")
        smooth = torch.nn.functional.conv3d(torch.nn.functional.conv3d(padded, self.along_i), self.along_j)
        return torch.nn.functional.conv3d(smooth, self.slopes, self.offsets)


def model_bytes() -> bytes:
    """The TorchScript archive, without what differs between machines: source paths and dates."""
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(TissueScores().eval()), buffer)
    plain = io.BytesIO()
    with zipfile.ZipFile(buffer) as saved, zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as clean:
        for name in saved.namelist():
            if name.endswith(".debug_pkl") or name.endswith(".data/serialization_id"):
                continue
            _, _, inside = name.partition("/")
            clean.writestr(zipfile.ZipInfo(f"model/{inside}", _ZIP_DATE), saved.read(name))
    return plain.getvalue()


def main() -> None:
    """Write the model."""
    default = Path(__file__).parents[1] / "bundles" / "ct_tissue" / "models" / "model.ts"
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=default)
    file = parser.parse_args().file
    file.write_bytes(model_bytes())
    print(f"{file}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
