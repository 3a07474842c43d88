"""Every planted fault is found, by its name."""

import pytest

SCALED = {"Volume": 1.0001, "Long Axis": 1.001, "Maximum 3D Diameter of a Mesh": 1.002}


def groups(report):
    (measurements,) = [item for item in report.ContentSequence if meaning(item) == "Imaging Measurements"]
    return measurements.ContentSequence


def items(group, name):
    return [item for item in group.ContentSequence if meaning(item) == name]


def meaning(item):
    return item.ConceptNameCodeSequence[0].CodeMeaning


def scale(name, factor):
    def edit(report):
        for item in items(groups(report)[0], name):
            measured = item.MeasuredValueSequence[0]
            measured.NumericValue = f"{float(measured.NumericValue) * factor:.10g}"

    return edit


@pytest.mark.parametrize(("name", "factor"), [*SCALED.items(), ("Attenuation Coefficient", 1.0001)])
def test_a_number_that_is_a_little_off_is_found(name, factor, write):
    report = write()
    report.change(scale(name, factor))
    assert "measurement_differs" in report.findings


@pytest.mark.parametrize("name", SCALED)
def test_a_number_that_is_rounded_is_right(name, write):
    report = write()
    report.change(scale(name, 1.000001))
    assert report.findings == set()


def swap(name):
    """Exchange an item between the first two groups."""

    def edit(report):
        first, second, *_ = groups(report)
        one, other = (group.ContentSequence.index(items(group, name)[0]) for group in (first, second))
        first.ContentSequence[one], second.ContentSequence[other] = (
            second.ContentSequence[other], first.ContentSequence[one],
        )  # fmt: skip

    return edit


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("Referenced Segment", "segment_reference"),
        ("Tracking Unique Identifier", "segment_reference"),
        ("Tracking Identifier", "segment_meaning"),
        ("Finding Site", "segment_meaning"),
        ("Volume", "measurement_differs"),
        ("Maximum 3D Diameter of a Mesh", "measurement_differs"),
        ("Long Axis", "measurement_line"),
    ],
)
def test_what_is_swapped_between_two_segments_is_found(name, finding, write):
    report = write()
    report.change(swap(name))
    assert finding in report.findings


def drop_group(report):
    del groups(report)[0]


def double_group(report):
    groups(report).append(groups(report)[0])


def strange_tracking(report):
    items(groups(report)[0], "Tracking Unique Identifier")[0].UID = "1.2.3"


def other_side(report):
    site = items(groups(report)[1], "Finding Site")[0]
    site.ContentSequence[0].ConceptCodeSequence[0].CodeValue = "24028007"


def drop_volume(report):
    group = groups(report)[0]
    group.ContentSequence.remove(items(group, "Volume")[0])


def double_volume(report):
    group = groups(report)[0]
    group.ContentSequence.append(items(group, "Volume")[0])


def invented_measurement(report):
    items(groups(report)[0], "Volume")[0].ConceptNameCodeSequence[0].CodeValue = "1"


def millimetres(report):
    units = items(groups(report)[0], "Volume")[0].MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]
    units.CodeValue = "mm3"


def verified(report):
    report.VerificationFlag = "VERIFIED"


def other_segmentation(report):
    items(groups(report)[0], "Referenced Segment")[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3"


def other_series(report):
    items(groups(report)[0], "Source Series for Segmentation")[0].UID = "1.2.3"


def less_evidence(report):
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    del series.ReferencedSOPSequence[0]


def other_evidence(report):
    report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"


def shorter_library(report):
    (library,) = [item for item in report.ContentSequence if meaning(item) == "Image Library"]
    del library.ContentSequence[0].ContentSequence[-1]


def line(report):
    return items(groups(report)[0], "Long Axis")[0].ContentSequence[0]


def moved_line(report):
    values = line(report).GraphicData
    line(report).GraphicData = [values[0] + 3, values[1], values[2] + 3, values[3]]


def shorter_line(report):
    values = line(report).GraphicData
    line(report).GraphicData = [values[0], values[1], values[2] - 1, values[3]]


def strange_line(report):
    line(report).ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3"


def no_line(report):
    del items(groups(report)[0], "Long Axis")[0].ContentSequence


def no_digest(report):
    items(groups(report)[0], "Algorithm Parameters")[0].TextValue = "digest=00"


def predecessor(report):
    report.PredecessorDocumentsSequence = report.CurrentRequestedProcedureEvidenceSequence


def no_finding(report):
    group = groups(report)[0]
    group.ContentSequence.remove(items(group, "Finding")[0])


def no_measurements(report):
    del report.ContentSequence


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        (drop_group, "segment_missing"),
        (double_group, "segment_missing"),
        (strange_tracking, "segment_unknown"),
        (other_side, "segment_laterality"),
        (drop_volume, "measurement_missing"),
        (double_volume, "measurement_missing"),
        (invented_measurement, "measurement_unknown"),
        (millimetres, "measurement_unit"),
        (verified, "report_status"),
        (other_segmentation, "segment_reference"),
        (other_segmentation, "dangling_reference"),
        (other_series, "source_reference"),
        (less_evidence, "source_reference"),
        (less_evidence, "dangling_reference"),
        (other_evidence, "source_reference"),
        (shorter_library, "source_reference"),
        (moved_line, "measurement_line"),
        (shorter_line, "measurement_line"),
        (strange_line, "measurement_line"),
        (no_line, "measurement_line"),
        (no_digest, "algorithm"),
        (predecessor, "predecessor"),
        (no_finding, "report_structure"),
        (no_measurements, "report_structure"),
    ],
)
def test_a_planted_fault_is_found(fault, finding, write):
    report = write()
    report.change(fault)
    assert finding in report.findings


def other_frames(report):
    items(groups(report)[0], "Source of Measurement")[0].ReferencedSOPSequence[0].ReferencedFrameNumber = [1, 2]


def test_other_frames_are_found(write):
    report = write("enhanced", with_seg=False)
    report.change(other_frames)
    assert report.findings == {"source_reference"}
