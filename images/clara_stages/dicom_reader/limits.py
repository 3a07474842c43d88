"""How much of this machine one study may ask for; a header may claim anything."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Checked before anything is allocated; each is a parameter of the stage.

    Attributes:
        max_voxels: Of one volume, all time points together. 2^29 are 2 GiB as float32, 1024 x 1024 x 512: fits the
            4096 MiB that the stage asks for.
        max_frame_pixels: Rows x columns of one frame: 16384 x 16384 is beyond every modality that this stage reads.
        max_frames: Of one instance: an hour of cine at 30 frames a second is 108,000.
        max_header_mib: What a header without pixel data may take in memory, a deflated one after inflation.
        decode_timeout_s: One frame; decoders take well under a second.
    """

    max_voxels: int = 1 << 29
    max_frame_pixels: int = 1 << 28
    max_frames: int = 1 << 17
    max_header_mib: int = 256
    decode_timeout_s: float = 10.0
