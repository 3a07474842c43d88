"""The workflow: its YAML, the stages it names, and every reason to refuse it. Pure: no Airflow, no network."""

from clara_ops.workflow.catalog import Catalog, load_catalog
from clara_ops.workflow.load import load_workflow
from clara_ops.workflow.problems import Problem, WorkflowError
from clara_ops.workflow.spec import Workflow

__all__ = ["Catalog", "Problem", "Workflow", "WorkflowError", "load_catalog", "load_workflow"]
