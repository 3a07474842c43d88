"""A task instance without an Airflow behind it: what operators ask of one, answered from dictionaries."""

from typing import Any


class TaskInstance:
    """XComs that are pushed, and the states of runs and tasks that a test says.

    Attributes:
        xcoms: key -> value, as pushed.
        pulled: (task id, key) -> what a pull finds, in this run or in another.
        runs: (dag id, run id) -> state of the run.
        tasks: task id -> state, in this run.
    """

    task_id = "read"
    map_index = -1
    try_number = 1
    max_tries = 5

    def __init__(self, dag_id: str = "clara_arrivals", run_id: str = "scheduled__now") -> None:
        self.dag_id = dag_id
        self.run_id = run_id
        self.xcoms: dict[str, Any] = {}
        self.pulled: dict[tuple[str, str], Any] = {}
        self.runs: dict[tuple[str, str], str] = {}
        self.tasks: dict[str, str] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep it."""
        self.xcoms[key] = value

    def xcom_pull(self, *, task_ids: str, key: str, dag_id: str = "", run_id: str = "") -> Any:
        """What the test put there."""
        return self.pulled.get((task_ids, key))

    def get_dr_count(self, *, dag_id: str, run_ids: list[str]) -> int:
        """How many of these runs there are."""
        return sum((dag_id, run_id) in self.runs for run_id in run_ids)

    def get_dagrun_state(self, *, dag_id: str, run_id: str) -> str:
        """State of a run that exists."""
        return self.runs[dag_id, run_id]

    def get_task_states(self, *, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str]]:
        """As the Task SDK answers: run id -> task id, with ``_<map index>`` for a mapped one -> state."""
        return {self.run_id: dict(self.tasks)} if self.run_id in run_ids else {}
