"""The whole system on one machine: Airflow, the DICOM adapter and a demo PACS, all below one home folder.

``home`` is the folder, ``ports`` and ``environment`` say how its components find each other, ``components`` what they
are, ``system`` starts and watches them, and ``keeper`` ends them, whatever happens to the process that started them.
"""
