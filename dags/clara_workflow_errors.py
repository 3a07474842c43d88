"""Airflow DAG: none. Raises one import error that names every broken workflow file, line and remedy.

It lives apart from ``clara_workflows.py`` because an import error marks all DAGs of its own file stale.
"""

from clara_ops.dag.folder import raise_for_broken_workflows

raise_for_broken_workflows()
