"""How exact geometry must be; every number has its reason under it."""

UNIT_TOLERANCE = 1e-3
"""How far a direction's length may be from 1, and two directions from a right angle (0.06 degrees): cosines written
with three or four decimals. Directions are made unit vectors before they are used."""

ORIENTATION_ATOL = 1e-4
"""How far a cosine may differ between slices of one stack: rounding of text. Over 400 mm this moves a voxel 0.04 mm."""

PIXEL_SPACING_RTOL = 1e-4
"""How far pixel spacing may differ between slices: rounding of text."""

SMALLEST_SPACING_MM = 1e-6
"""A pixel below a nanometre is a damaged header; with larger ones no quotient leaves the range of numbers."""

LARGEST_COORDINATE_MM = 1e6
"""A position a kilometre away is a damaged header. Below it a double resolves 1e-10 mm."""

SAME_PLANE_MM = 1e-3
"""Images closer than this along the normal show one plane: two objects write one plane with equal text or nearly so."""

ROUNDING_MM = 0.1
"""Positions are often written with one decimal: each is then off by up to 0.05 mm, and a gap by up to 0.1 mm."""

SPACING_RTOL = 0.01
"""Largest variation of gaps accepted as one grid, as a part of the usual gap."""

DRIFT_PART = 0.1
"""Largest distance of a slice from its place in the even grid, as a part of the usual gap: many gaps that are each
within tolerance may still add up. Beyond it a tenth of what lies between two slices would be shown elsewhere."""

REGION_GAPS = 3
"""So many equal gaps in a row are a spacing that was chosen. One gap, or two, of a multiple of the spacing around
them are lost slices: a lost slice doubles one gap, two neighbours of a slice double two in a row."""

REGULAR_PART = 0.5
"""Gaps can only be called multiples of a spacing if at least this part of all gaps have one; with fewer, a gap is a
multiple by chance."""

MULTIPLE_PART = 0.25
"""How far a gap may be from a multiple of the spacing, as a part of the spacing: deviations of single gaps add up in a
long one, but beyond a quarter any gap would be a multiple."""

LARGEST_GAP_RATIO = 5.0
"""Largest gap between which slices may be interpolated, as a multiple of the smallest: planned spacings go from 1 to
5 mm. In a wider gap more would be invented than was seen: slices are missing there."""

TILT_TOLERANCE_DEGREES = 0.1
"""Largest angle between the direction of stacking and the normal of the slices. A tilted gantry has degrees; rounded
positions have hundredths. The affine keeps the true direction, so that nothing moves below this."""

LARGEST_TILT_DEGREES = 45.0
"""No gantry tilts beyond 30 degrees. A stack that leans more than this has wrong positions or orientations, and
covering all its slices would take a volume many times as large."""

OFF_PLACE_PART = 0.1
"""Slices beside the line of the others are named one by one up to this part of the stack; if more are beside it,
there is no such line."""

STEP_SLACK = 0.1
"""How much of a step the smallest gap may fail to divide the length of a stack before one more plane is added: gaps
within tolerance are no reason to put every plane between two slices."""

SNAP_PART = 1e-4
"""Nearer than this part of a pixel or gap to a source pixel or plane, values are copied and not interpolated. Between
-1024 and 3000 HU the difference is below 0.5 HU, so that integers stay what they are."""

SLACK_MM = 1e-6
"""Binary fractions of decimal text."""
