"""The character set of a result: the source's, or UTF-8 where the source's cannot hold every text."""

import warnings
from collections.abc import Callable, Iterator
from io import BytesIO

from pydicom import dcmwrite
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

UTF_8 = "ISO_IR 192"
LATIN_1 = "ISO_IR 100"
"""What pydicom takes for granted where no character set is declared; so the bytes stay those of the source."""

_BULK = (Tag("PixelData"), Tag("PerFrameFunctionalGroupsSequence"))
"""Large, and without text in a language."""

_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""The VRs that Specific Character Set affects (PS3.5 6.1.2.3)."""


def set_character_set(result: Dataset, source: Dataset, warn: Callable[[str], None]) -> None:
    """Set Specific Character Set of ``result`` so that every text in it reads back as it is.

    Args:
        result: Holds decoded texts; changed in place.
        source: The instance whose character set is kept where it can be.
        warn: Called where it cannot.
    """
    declared = source.get("SpecificCharacterSet")
    terms = [declared] if isinstance(declared, str) else list(declared or [])
    result.pop("SpecificCharacterSet", None)
    if any(term not in python_encoding for term in terms):
        result.SpecificCharacterSet = UTF_8
        warn("the source's character set is unknown: written as UTF-8 (ISO_IR 192)")
        return
    if any(terms):
        result.SpecificCharacterSet = declared
    elif not all(text.isascii() for text in _texts(result)):
        result.SpecificCharacterSet = LATIN_1
        warn("the source has more than ASCII but declares no character set: taken for Latin-1 (ISO_IR 100)")
    if not _reads_back(result):
        result.SpecificCharacterSet = UTF_8
        warn("the source's character set cannot hold every text of the result: written as UTF-8 (ISO_IR 192)")


def _reads_back(result: Dataset) -> bool:
    header = Dataset()
    header.update({tag: result[tag] for tag in result.keys() if tag not in _BULK})  # noqa: SIM118 - not the elements
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about characters that cannot be encoded: that is what is found out here
        try:
            dcmwrite(stream, header, implicit_vr=False, little_endian=True)
            stream.seek(0)
            again = read_dataset(stream, is_implicit_VR=False, is_little_endian=True)
            return list(_texts(again)) == list(_texts(header))
        except (LookupError, UnicodeError, ValueError):
            return False


def _texts(dataset: Dataset) -> Iterator[str]:
    for element in dataset.iterall():
        if element.VR in _TEXT and not element.is_empty:
            values = element.value if element.VM > 1 else [element.value]
            yield from (str(value).rstrip() for value in values)
