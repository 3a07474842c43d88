"""The character set of a result: the source's, or UTF-8 where the source's cannot hold every text."""

import warnings
from collections.abc import Callable, Iterator
from io import BytesIO

from pydicom import config, dcmwrite
from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

UTF_8 = "ISO_IR 192"
LATIN_1 = "ISO_IR 100"
"""What pydicom takes for granted where no character set is declared; so the bytes stay those of the source."""

_BULK = frozenset({Tag("PixelData"), Tag("PerFrameFunctionalGroupsSequence"), Tag("ROIContourSequence")})
"""Large, and without text in a language."""

_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""The VRs that Specific Character Set affects (PS3.5 6.1.2.3)."""

_PRIVATE_BLOCK, _PRIVATE_ELEMENTS = 0x00091000, 0xF000
"""Where texts are put to be written and read back, and how many fit."""


class CharacterSets:
    """Sets Specific Character Set of the results of one run; what was found out once is not found out again.

    Args:
        source: The instance whose character set is kept where it can be.
        warn: Called once for each reason why it cannot.
    """

    def __init__(self, source: Dataset, warn: Callable[[str], None]) -> None:
        declared = source.get("SpecificCharacterSet")
        terms = [declared] if isinstance(declared, str) else list(declared or [])
        self._is_known = all(term in python_encoding for term in terms)
        self._declared: list[str] | None = [str(term) for term in terms] if any(terms) else None
        self._readable: dict[tuple[str, ...], set[tuple[str, str]]] = {}
        self._warn = warn
        self._said: set[str] = set()

    def apply(self, result: Dataset) -> None:
        """Set Specific Character Set so that every text of ``result``, also in sequences, reads back as it is.

        Args:
            result: Holds decoded texts; changed in place.
        """
        texts = set(_texts(result))
        result.pop("SpecificCharacterSet", None)
        terms = self._choose(texts)
        if terms:
            result.SpecificCharacterSet = terms if len(terms) > 1 else terms[0]

    def _choose(self, texts: set[tuple[str, str]]) -> list[str]:
        if not self._is_known:
            self._say("the source's character set is unknown: written as UTF-8 (ISO_IR 192)")
            return [UTF_8]
        terms = self._declared or []
        if not terms and not all(text.isascii() for _, text in texts):
            self._say("the source has more than ASCII but declares no character set: taken for Latin-1 (ISO_IR 100)")
            terms = [LATIN_1]
        if self._holds(terms, texts):
            return terms
        self._say("the source's character set cannot hold every text of the result: written as UTF-8 (ISO_IR 192)")
        return [UTF_8]

    def _holds(self, terms: list[str], texts: set[tuple[str, str]]) -> bool:
        known = self._readable.setdefault(tuple(terms), set())
        unseen = texts - known
        if not _read_back(terms, unseen):
            return False
        known |= unseen
        return True

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._warn(message)


def _read_back(terms: list[str], texts: set[tuple[str, str]]) -> bool:
    """Whether texts, as (VR, text), are the same after they were written with a character set and read again."""
    ordered = sorted(texts)
    pieces = [ordered[start : start + _PRIVATE_ELEMENTS] for start in range(0, len(ordered), _PRIVATE_ELEMENTS)]
    return all(_piece_reads_back(terms, piece) for piece in pieces)


def _piece_reads_back(terms: list[str], texts: list[tuple[str, str]]) -> bool:
    written = Dataset()
    if terms:
        written.SpecificCharacterSet = terms
    for number, (vr, text) in enumerate(texts):
        tag = BaseTag(_PRIVATE_BLOCK + number)
        written[tag] = DataElement(tag, vr, text, validation_mode=config.IGNORE)
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about characters that cannot be encoded: that is what is found out here
        try:
            dcmwrite(stream, written, implicit_vr=False, little_endian=True)
            stream.seek(0)
            again = list(_texts(read_dataset(stream, is_implicit_VR=False, is_little_endian=True)))
        except (LookupError, UnicodeError, ValueError):
            return False
    return again == [text for text in texts if text[1]]


def _texts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """(VR, text) of each value, without trailing blanks, which mean nothing."""
    for tag in dataset.keys():  # noqa: SIM118 - a data set is no mapping: iterating it gives elements
        if tag in _BULK:
            continue
        element = dataset[tag]
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _texts(item)
        elif element.VR in _TEXT and not element.is_empty:
            values = element.value if element.VM > 1 else [element.value]
            yield from ((element.VR, str(value).rstrip()) for value in values)
