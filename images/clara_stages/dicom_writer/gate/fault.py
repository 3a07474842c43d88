"""What is wrong inside one data set, before it is known whether the source has it too."""

from dataclasses import dataclass
from functools import cache

from pydicom.datadict import keyword_for_tag


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        name: Of the finding that it becomes.
        path: Keywords of the sequences around the attribute, then its own. Without item numbers: the same fault in
            every item is one fault.
        detail: What is wrong with it; never a value.
    """

    name: str
    path: tuple[str, ...]
    detail: str

    @property
    def where(self) -> str:
        """The path for people: ``SegmentSequence > SegmentLabel``."""
        return " > ".join(self.path)


@cache
def name_of(tag: int) -> str:
    """The keyword of a tag, or its number where it has none."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
