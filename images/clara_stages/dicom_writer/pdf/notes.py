"""What a reader of the report must know about the images it was made of."""

from collections.abc import Iterator

from clara_stages.dicom_writer.job import Job


def notes(job: Job) -> Iterator[str]:
    """Sentences, none of them with a text of the source: it could hold a name."""
    source, document = job.source, job.volume.document if job.volume else None
    if source.tilt_degrees:
        yield (
            f"The gantry was tilted by {source.tilt_degrees:.1f} degrees: the volume that was analysed is resampled; "
            "segments are drawn on the original slices."
        )
    elif source.origin_index is not None:
        yield (
            "The slices do not lie at even distances: the volume that was analysed is resampled; segments are drawn on "
            "the original slices."
        )
    if document is not None and document.time_points > 1:
        yield f"The series has {document.time_points} time points: this is time point {job.params.time_point + 1}."
    if not source.has_place:
        yield "The images do not say where they lie in the patient: volumes and distances are not measured."
    elif len(source.slices) == 1:
        yield "There is a single slice: volumes are not measured."
    if job.volume is None:
        yield "The voxel values were not given: there are no statistics of them and no pictures."
    drawn_by_hand = [
        label.name for label in job.require_segments("pdf").table.labels if label.algorithm_type == "MANUAL"
    ]
    if drawn_by_hand:
        yield f"{len(drawn_by_hand)} of the segments were drawn by hand."
