"""The version of a library is what its installation says."""

from importlib.metadata import version

import pytest

from clara_stages.kit.versions import UNKNOWN, installed_version


@pytest.mark.parametrize("name", ["pydicom", "numpy", "imagecodecs", "clara-stages", "SimpleITK"])
def test_it_is_the_one_that_the_packaging_tools_see(name):
    assert installed_version(name) == version(name)


def test_what_is_not_installed_is_unknown():
    assert installed_version("no-such-library") == UNKNOWN
