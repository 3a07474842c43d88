"""Values and places that are equal but for rounding."""

import math

import numpy as np

from clara_stages.dicom_reader.splitting.clusters import cluster_numbers, cluster_vectors
from clara_stages.dicom_reader.splitting.places import find_places, has_place
from clara_stages.dicom_reader.splitting.split import split_frames
from tests.support.frames import CORONAL, SeriesBuilder


def test_numbers_are_one_value_up_to_a_gap_larger_than_the_tolerance():
    numbers = np.array([9.52, 4.77, 4.76, 2.38, 9.5])
    assert cluster_numbers(numbers, 0.05).tolist() == [2, 1, 1, 0, 2]
    assert cluster_numbers(np.array([0.0, 1000.0, 1001.0, 10.0]), 1.0, 0.002).tolist() == [0, 2, 2, 1]


def test_vectors_are_one_up_to_the_tolerance_and_more_than_can_be_compared_stay_apart():
    assert cluster_vectors([(1.0, 0.0), (0.0, 1.0), (0.9995, 0.0)], 1e-3).tolist() == [1, 0, 1]
    angles = np.linspace(0, math.pi, 1000)
    assert len(set(cluster_vectors(np.stack((np.cos(angles), np.sin(angles)), axis=1), 1e-6).tolist())) == 1000


def test_places_are_told_by_the_distance_along_the_normal_in_each_orientation():
    series = SeriesBuilder()
    for z in (4.0, 0.0, 0.004, 2.0):
        series.add(z)
    series.add(1.0, orientation=CORONAL)
    places = find_places(series.frames)
    axial = places.ids[:4].tolist()
    assert axial[1] == axial[2] < axial[3] < axial[0]
    assert places.ids[4] not in axial
    assert len(set(places.orientations.tolist())) == 2


def test_directions_that_span_no_plane_are_no_place():
    series = SeriesBuilder()
    assert has_place(series.add(0.0))
    assert not has_place(series.add(None))
    assert not has_place(series.add(0.0, orientation=(1.0, 0.0, 0.0, 1.0, 0.0, 0.0)))
    assert not has_place(series.add(0.0, orientation=(1e300, 0.0, 0.0, 0.0, 1e300, 0.0)))


def test_types_that_share_a_direction_stay_together():
    series = SeriesBuilder("MR")
    for k in range(6):
        series.add(3.0 * k, image_type=("ORIGINAL", "PRIMARY", f"TAIL{k % 3}"))
        series.add(3.0 * k, orientation=CORONAL, image_type=("DERIVED", "SECONDARY", "MPR", f"TAIL{k % 2}"))
    assert sorted(len(part.frames) for part in split_frames(series.frames).parts) == [6, 6]
