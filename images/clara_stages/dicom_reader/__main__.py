"""The stage: a study folder in; volumes, their source instances and labels of others out."""

import os

from clara_stages.dicom_reader.params import Params
from clara_stages.kit import StageIO, run


def main(io: StageIO) -> None:
    """Read a study, select volumes, write each with the images that it is made of."""
    params = io.params(Params)
    from clara_stages.dicom_reader.reading import read_study  # numpy loads while the kit hashes the inputs

    read_study(io, params)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would spin on the cores of those that hash
    run(main, stage="dicom_reader", stage_version="2")
