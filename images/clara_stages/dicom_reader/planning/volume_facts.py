"""What a rule may ask about one volume of a series."""

from collections.abc import Mapping, Sequence
from typing import Any

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.kit.contract.facts import SAMPLE_VOLUME


def build_volume_facts(
    name: str, frames: Sequence[Frame], values: Mapping[str, Any], *, verdict: str, unit: str, slices: int
) -> dict[str, Any]:
    """The facts of one volume of one time point, with the keys of ``SAMPLE_VOLUME``.

    Args:
        name: Of the volume.
        frames: Its images; an attribute that they do not share is missing in the facts.
        values: Attributes that tell volumes of a series apart, as the split found them.
        verdict: What can be made of it.
        unit: Of its values, or "".
        slices: How many it has.
    """
    facts: dict[str, Any] = {key: type(value)() for key, value in SAMPLE_VOLUME.items()}
    for key in facts:
        found = {getattr(frame.attributes, key) for frame in frames if hasattr(frame.attributes, key)}
        facts[key] = _plain(found.pop() if len(found) == 1 else values.get(key), facts[key])
    return facts | {
        "name": name,
        "verdict": verdict,
        "unit": unit,
        "slices": slices,
        "time_points": 1,
    }


def _plain(value: Any, missing: Any) -> Any:
    """A value in the type of the facts; ``missing`` where there is none."""
    if value is None:
        return missing
    if isinstance(missing, list):
        return [str(item) for item in (value.split("/") if isinstance(value, str) else value)]
    return type(missing)(value)
