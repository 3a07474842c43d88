"""Stage ``bundle_inference``: a volume and a MONAI Bundle -> a label map on the volume's grid."""

import re
import time
from dataclasses import dataclass, field

from clara_stages.bundle_inference.bundle import load_bundle
from clara_stages.bundle_inference.labels import Label, check_values, keep_labels, label_table, labels_document
from clara_stages.bundle_inference.scope import check_scope, load_series
from clara_stages.kit import StageIO, run
from clara_stages.kit.files import write_json

_LABEL_METRICS = 32
"""Labels whose voxels are metrics too: the short result has 4 KB for all; labels.json has every label."""


@dataclass(frozen=True, kw_only=True)
class Params:
    """Parameters; see ``stage.yaml``."""

    region_lps_mm: list[float] | None = None
    device: str = "auto"
    labels: list[str] = field(default_factory=list)


def main(io: StageIO) -> None:
    """Check the scope, run the bundle's own inference config, write the label map and its table."""
    params = io.params(Params)
    bundle = load_bundle(io.reads("bundle"))
    volume = io.reads("volume")
    series = load_series(volume)
    warnings = check_scope(bundle, series)
    table, table_warnings = label_table(bundle)
    kept = keep_labels(table, params.labels)
    for warning in warnings + table_warnings:
        io.warn(warning)
    io.progress(0.0, "loading torch and monai")
    # Two to four seconds of imports, for a study in scope only.
    from clara_stages.bundle_inference.grid import clear_other_labels, count_voxels, load_grid, write_labels
    from clara_stages.bundle_inference.inference import segment

    grid = load_grid(volume, series)

    io.uses("torch", "monai")
    started = time.monotonic()
    labels = segment(io, bundle, grid, region_lps_mm=params.region_lps_mm, device=params.device)
    io.metric("inference_s", round(time.monotonic() - started, 2))

    check_values(bundle, table, count_voxels(labels))
    labels = clear_other_labels(labels, [label.value for label in kept])
    voxels = count_voxels(labels)
    folder = io.writes("labels")
    write_labels(labels, grid, folder / "labels.nii", highest_label=max((label.value for label in kept), default=0))
    write_json(folder / "labels.json", labels_document(bundle, kept, voxels, series))
    _report(io, kept, voxels)


def _report(io: StageIO, table: list[Label], voxels: dict[int, int]) -> None:
    found = [label for label in table if voxels.get(label.value)]
    io.metric("labels_found", len(found))
    for label in found[:_LABEL_METRICS]:
        io.metric("voxels_" + re.sub(r"\W+", "_", label.name), voxels[label.value])
    if not found:
        io.warn("the label map is empty: the bundle found nothing in this volume")


if __name__ == "__main__":
    run(main, stage="bundle_inference")
