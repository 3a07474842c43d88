"""Airflow DAG: every file in the workflows folder becomes one.

A file that cannot be used is left out here, so that the others run; ``clara_workflow_errors.py`` names it.
"""

from clara_ops.dag.folder import build_dags

for dag in build_dags():
    globals()[dag.dag_id] = dag
