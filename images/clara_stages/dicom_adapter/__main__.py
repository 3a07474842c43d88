"""``python -m clara_stages.dicom_adapter``."""

import sys

from clara_stages.dicom_adapter.command_line import main

sys.exit(main())
