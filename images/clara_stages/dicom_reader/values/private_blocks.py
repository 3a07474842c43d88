"""Where the private elements of a vendor may stand (PS3.5 7.8.1)."""

PRIVATE_BLOCKS = range(0x10, 0x20)
"""Blocks that a private creator is looked for in. 10 to FF are allowed; the vendors take the first free ones."""


def private_tags(group: int, element: int) -> tuple[int, ...]:
    """Every place a private element may have, after every place of its creator."""
    creators = tuple(group << 16 | block for block in PRIVATE_BLOCKS)
    return (*creators, *(group << 16 | block << 8 | element for block in PRIVATE_BLOCKS))
