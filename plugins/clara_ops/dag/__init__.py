"""Workflow -> Airflow DAG."""
