"""The few questions the laptop profile asks Airflow's REST API (``/api/v2``)."""

from types import TracebackType
from typing import Any

import httpx

from clara_ops.cli.laptop.environment import HOST
from clara_ops.cli.laptop.home import Home
from clara_ops.cli.laptop.ports import Ports

TIMEOUT_S = 10.0
"""A laptop that is busy with inference answers slowly."""


class AirflowApi:
    """A client that logs in on first use and once more when its token has run out."""

    def __init__(self, home: Home, ports: Ports) -> None:
        base_url = f"http://{HOST}:{ports.airflow}"
        # trust_env: a site's web proxy must not see this.
        self._client = httpx.Client(base_url=base_url, timeout=TIMEOUT_S, trust_env=False)
        self._password = home.secrets.admin_password

    def __enter__(self) -> "AirflowApi":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def dag_ids(self) -> set[str]:
        """The DAGs that Airflow has read and can run."""
        return {dag["dag_id"] for dag in self._get("/dags", limit=100)["dags"]}

    def import_errors(self) -> list[tuple[str, str]]:
        """File and text of each DAG file that could not be read."""
        found = self._get("/importErrors", limit=100)["import_errors"]
        return [(error["filename"], error["stack_trace"].strip()) for error in found]

    def dag_run(self, dag_id: str, dag_run_id: str) -> dict[str, Any]:
        """State and times of one run."""
        return self._get(f"/dags/{dag_id}/dagRuns/{dag_run_id}")

    def task_instances(self, dag_id: str, dag_run_id: str) -> list[dict[str, Any]]:
        """The tasks of one run."""
        found: list[dict[str, Any]] = self._get(
            f"/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances", limit=100, order_by="start_date"
        )["task_instances"]
        return found

    def returned(self, dag_id: str, dag_run_id: str, task_id: str) -> Any:
        """What a task returned, or None."""
        path = f"/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        try:
            return self._get(path, deserialize=True).get("value")
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise

    def log(self, dag_id: str, dag_run_id: str, task_id: str, try_number: int) -> list[str]:
        """The lines of one attempt of a task."""
        path = f"/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self._get(path, full_content=True)["content"]
        return [line["event"] if isinstance(line, dict) else str(line) for line in content]

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self._client.get(f"/api/v2{path}", params=query)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._log_in()
            answer = self._client.get(f"/api/v2{path}", params=query)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def _log_in(self) -> None:
        answer = self._client.post("/auth/token", json={"username": "admin", "password": self._password})
        answer.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
