"""``python -m tools.phantom OUT``: write a synthetic abdominal CT study as DICOM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.phantom.anatomy import PhantomSpec, build_phantom
from tools.phantom.dicom import OutputNotEmptyError, require_empty, write_phantom
from tools.phantom.ground_truth import write_labels
from tools.phantom.tissue import PHASES


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.phantom", description=__doc__)
    default = PhantomSpec()
    parser.add_argument("out", type=Path, help="new or empty folder for the DICOM files")
    parser.add_argument("--seed", type=int, default=default.seed, help="decides anatomy, noise and UIDs")
    parser.add_argument("--slices", type=int, default=default.slices)
    parser.add_argument("--rows", type=int, default=default.rows, help="rows and columns")
    parser.add_argument("--slice-spacing", type=float, default=default.slice_spacing_mm, help="mm")
    parser.add_argument("--pixel-spacing", type=float, default=None, help="mm; fitted to the body if not given")
    parser.add_argument("--oblique", type=float, default=default.oblique_deg, help="degrees about the left-right axis")
    parser.add_argument("--tumours", type=int, default=None, help="liver tumours; 1 to 3 if not given")
    parser.add_argument("--phase", choices=PHASES, default=None, help="contrast phase; drawn if not given")
    parser.add_argument("--noise", type=float, default=None, help="HU; 8 to 25 if not given")
    parser.add_argument("--patient", action="store_true", help="leave out Quality Control Subject")
    parser.add_argument("--labels", type=Path, default=None, metavar="FILE.nii.gz", help="also write the ground truth")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Make and write one phantom; returns the exit status."""
    arguments = parse_arguments(argv)
    try:
        spec = PhantomSpec(
            seed=arguments.seed,
            slices=arguments.slices,
            rows=arguments.rows,
            slice_spacing_mm=arguments.slice_spacing,
            pixel_spacing_mm=arguments.pixel_spacing,
            oblique_deg=arguments.oblique,
            tumours=arguments.tumours,
            phase=arguments.phase,
            noise_hu=arguments.noise,
        )
        require_empty(arguments.out)
    except (OutputNotEmptyError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    phantom = build_phantom(spec)
    uid = write_phantom(arguments.out, phantom, patient=arguments.patient)
    if arguments.labels is not None:
        write_labels(arguments.labels, phantom)
    print(f"{spec.slices} CT images in {arguments.out}, StudyInstanceUID {uid}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
