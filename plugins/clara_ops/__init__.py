"""clara-ops: clinical imaging workflows on Apache Airflow."""

__version__ = "0.1.0"
