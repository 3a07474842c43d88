"""Files of instances that are open: the frames of one instance follow each other, or alternate with another's."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Self

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.pixel_file import PixelFile
from clara_stages.kit import raise_machine_fault

if TYPE_CHECKING:
    from pathlib import Path

    from clara_stages.dicom_reader.headers.frame import Frame

_MAX_OPEN = 16
"""Frames of more instances than these rarely alternate, and a deflated one takes room on the disk."""


class OpenFiles:
    """Opens each instance once, and keeps the last ones open; a context manager that closes them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files: OrderedDict[Path, PixelFile | PixelError] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        while self._files:
            self._close_oldest()

    def get(self, frame: "Frame") -> PixelFile:
        """The open file of a frame's instance.

        Raises:
            PixelError: It cannot be read, now or when it was first asked for.
            ResourceBusyError: There is no room on the disk to inflate it.
        """
        path = frame.instance.path
        file = self._files.get(path)
        if file is None:
            file = self._files[path] = self._open(frame)
            if len(self._files) > _MAX_OPEN:
                self._close_oldest()
        else:
            self._files.move_to_end(path)
        if isinstance(file, PixelError):
            raise file
        return file

    def _open(self, frame: "Frame") -> PixelFile | PixelError:
        try:
            shape = (frame.plane.rows, frame.plane.columns)
            return PixelFile(frame.instance.path, frame.instance.pixels, shape, self._limits)
        except OSError as error:
            raise_machine_fault(error)
            return PixelError(f"the file cannot be opened ({type(error).__name__})")
        except PixelError as error:
            return error

    def _close_oldest(self) -> None:
        _, file = self._files.popitem(last=False)
        if isinstance(file, PixelFile):
            file.close()
