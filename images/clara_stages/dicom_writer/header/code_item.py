"""Codes of the Standard as items of a code sequence."""

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code


def code_item(code: Code) -> Dataset:
    """The item (Code Sequence Macro, PS3.3 table 8.8-1) of a code of at most 16 characters."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
