"""The by-hand command line of every stage: the same request, made from arguments.

``python -m clara_stages.dicom_reader --input study=DIR --output DIR --param select='series.modality == "CT"'``
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clara_stages.kit.contract import RESULT_FILE, StageRequest, StageResult, stage_key
from clara_stages.kit.contract.digests import FileDigests, begin_folder_digest
from clara_stages.kit.errors import BadInputError

BY_HAND = "by-hand"
"""What stands for workflow and run where a person started the stage."""


def parse_request(stage: str, arguments: list[str]) -> StageRequest:
    """The request that a command line means, without its keys: ``begin_keys`` makes them.

    Args:
        stage: The package's name; what ``stage`` and the program's name become.
        arguments: ``--input NAME=DIR ... --output DIR --param NAME=VALUE ... [--state DIR]``. A value that is JSON
            is taken as JSON (a number, true, a list), anything else as text.

    Raises:
        BadInputError: An input folder does not exist, or the output folder holds something.
    """
    parser = argparse.ArgumentParser(prog=f"python -m clara_stages.{stage}", description=parse_request.__doc__)
    parser.add_argument("--input", action="append", default=[], metavar="NAME=DIR", help="an input folder")
    parser.add_argument("--output", required=True, metavar="DIR", help="an empty or new folder for the result")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter")
    parser.add_argument("--state", metavar="DIR", help="a folder kept across attempts")
    given = parser.parse_args(arguments)
    inputs = {name: str(Path(folder).resolve()) for name, folder in map(_pair, given.input)}
    for name, folder in inputs.items():
        if not Path(folder).is_dir():
            raise BadInputError(f"input {name!r} is {folder}, which is no folder", remedy="give an existing folder")
    params = {name: _value(text) for name, text in map(_pair, given.param)}
    output = Path(given.output).resolve()
    if output.is_dir() and any(output.iterdir()):
        raise BadInputError(f"the output folder {output} is not empty", remedy="give a new or empty folder")
    return StageRequest(
        workflow=BY_HAND,
        dag_run_id=BY_HAND,
        stage=stage,
        stage_key="",
        inputs=inputs,
        output=str(output),
        params=params,
        state=given.state,
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInputError(f"{text!r} is not NAME=VALUE", remedy="write for example --input study=/data/study")
    return name, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def begin_keys(request: StageRequest, version: str, digests: FileDigests) -> Callable[[StageRequest], StageRequest]:
    """Begin to hash the inputs of a request by hand; what is returned waits for that and gives the request its keys.

    Args:
        request: By hand.
        version: The stage's version.
        digests: Take what is hashed.
    """
    pending = {name: _begin_folder_key(Path(folder), digests) for name, folder in request.inputs.items()}

    def add_keys(request: StageRequest) -> StageRequest:
        keys = {name: finish() for name, finish in pending.items()}
        key = stage_key(stage_version=f"{request.stage}@{version}", params=request.params, input_keys=keys)
        return replace(request, input_keys=keys, stage_key=key)

    return add_keys


def _begin_folder_key(folder: Path, digests: FileDigests) -> Callable[[], str]:
    """The key of an input: of the stage that wrote it where that is known, else of the bytes it has now."""
    for holder in (folder, folder.parent):
        try:
            key = f"{StageResult.from_json((holder / RESULT_FILE).read_text()).stage_key}:{folder.name}"
        except (OSError, ValueError):
            continue
        return lambda: key
    return begin_folder_digest(folder, digests=digests, strict=False)
