"""One two-dimensional image: the only one of a single-frame instance, or one frame of a multi-frame instance."""

from dataclasses import dataclass, field

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.dicom_reader.values.rescale import Rescale


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """What may tell the volumes of one series apart; None, "" or () where the header does not say it.

    Texts are codes (letters, digits, ``_``, ``-``, ``.``, ``/``, blank, at most 64 characters; units also the other
    characters of UCUM); anything else is read as "".

    Attributes:
        image_type: Image Type or Frame Type, upper case.
        component: ``MAGNITUDE``, ``PHASE``, ``REAL``, ``IMAGINARY`` of MR, from Complex Image Component or Image Type.
        quantity: What the values measure where a Real World Value Mapping, Rescale Type or Pixel Value Transformation
            says so, as its code (``HU``, ``mg/ml``, ``um2/s``).
        b_value: Diffusion b-value, s/mm2: the standard attribute, else a vendor's private one, else the sequence's
            name.
        diffusion_direction: Gradient orientation, LPS.
        echo_number: Echo Number(s).
        echo_time_ms: Echo Time or Effective Echo Time.
        inversion_time_ms: Inversion Time.
        flip_angle_degrees: Flip Angle.
        temporal_position: Temporal Position Identifier or Index.
        time_slot: Time Slot (PET gated), or R-R interval number.
        frame_reference_time_ms: Frame Reference Time (PET).
        trigger_time_ms: Trigger Time or Nominal Cardiac Trigger Delay Time.
        cardiac_phase_percent: Nominal Percentage of Cardiac Phase.
        respiratory_phase_percent: Nominal Percentage of Respiratory Phase.
        acquisition_number: Acquisition Number.
        acquisition_time_s: Acquisition DateTime or Date and Time, as seconds since 1970, without a zone.
        content_time_s: Content Date and Time, likewise.
        stack_id: Stack ID.
        stack_position: In-Stack Position Number.
        dimension_index_values: Dimension Index Values.
        kernel: Convolution Kernel.
        slice_thickness_mm: Slice Thickness: of what was reconstructed, no distance between slices.
        kvp: Tube voltage, kV.
        energy_kev: Of a virtual monoenergetic image.
        contrast_phase: Contrast/Bolus Agent Phase, or the acquisition phase that a vendor writes.
        coil: Receive coil or element, where single coils are stored.
        scanning_sequence: Scanning Sequence and its variant, joined with ``/``.
    """

    image_type: tuple[str, ...] = ()
    component: str = ""
    quantity: str = ""
    b_value: float | None = None
    diffusion_direction: tuple[float, float, float] | None = None
    echo_number: int | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    flip_angle_degrees: float | None = None
    temporal_position: int | None = None
    time_slot: int | None = None
    frame_reference_time_ms: float | None = None
    trigger_time_ms: float | None = None
    cardiac_phase_percent: float | None = None
    respiratory_phase_percent: float | None = None
    acquisition_number: int | None = None
    acquisition_time_s: float | None = None
    content_time_s: float | None = None
    stack_id: str = ""
    stack_position: int | None = None
    dimension_index_values: tuple[int, ...] = ()
    kernel: str = ""
    slice_thickness_mm: float | None = None
    kvp: float | None = None
    energy_kev: float | None = None
    contrast_phase: str = ""
    coil: str = ""
    scanning_sequence: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What the reader needs of one image.

    Attributes:
        instance: The instance it belongs to.
        number: 1-based frame number of a multi-frame instance, None for a single-frame one.
        plane: Where the image lies, as the header says; not checked yet.
        rescale: From stored values to those of the modality.
        attributes: What may tell volumes apart.
        imager_pixel_spacing_mm: Between rows, then columns, at the detector (CR, DX, MG, XA); no distance in the
            patient.
    """

    instance: Instance
    plane: Plane
    number: int | None = None
    rescale: Rescale = field(default_factory=Rescale)
    attributes: Attributes = field(default_factory=Attributes)
    imager_pixel_spacing_mm: tuple[float, float] | None = None

    @property
    def index(self) -> int:
        """0-based index of the frame in the pixel data of its instance."""
        return 0 if self.number is None else self.number - 1
