"""The adapter's intake routes over real HTTP, with a ledger in memory that a test can fill, read and break."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "intake-test-token"

CLOSED = ("succeeded", "failed", "not_analysed")


class Intake:
    """Pairs and overdue runs, and every request that was made.

    Attributes:
        requests: (method and path, body) in order, ``GET offers`` left out.
        status: Answer every request with this status and no more, where set.
    """

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.states: dict[tuple[str, str], str] = {}
        self.pairs: dict[tuple[str, str], dict[str, Any]] = {}
        self.reasons: dict[tuple[str, str], str] = {}
        self.overdue: list[dict[str, str]] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.polls = 0
        self.status: int | None = None
        self.body: bytes = b""
        self.url = ""

    def offer(self, arrival_id: str, workflow: str) -> None:
        """A complete study matches a workflow."""
        pair = {
            "arrival_id": arrival_id,
            "workflow": workflow,
            "dag_run_id": f"dicom__{arrival_id}",
            "conf": {"study": arrival_id, "destinations": ["PACS"]},
        }
        with self.lock:
            self.pairs[arrival_id, workflow] = pair
            self.states[arrival_id, workflow] = "offered"
            self.lock.notify_all()

    def bodies(self, route: str) -> list[dict[str, Any]]:
        """What was posted to the route that ends so."""
        return [body for path, body in self.requests if path.endswith(route)]

    def offers(self, wait_s: float) -> dict[str, int]:
        """Wait for something, as the adapter does."""
        deadline = time.monotonic() + wait_s
        with self.lock:
            self.polls += 1
            while not (self._offered() or self.overdue) and (left := deadline - time.monotonic()) > 0:
                self.lock.wait(left)
            return {"offers": len(self._offered()), "overdue": len(self.overdue)}

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body for a post."""
        with self.lock:
            self.requests.append((path, body))
            if path == "/api/v1/leases":
                taken = self._offered()[: body["limit"]]
                self.states.update(dict.fromkeys(taken, "leased"))
                overdue, self.overdue = self.overdue, []
                return 200, {"pairs": [self.pairs[key] for key in taken], "overdue": overdue}
            if path == "/api/v1/pairs/close":
                return self._close(body)
            key = body["arrival_id"], body["workflow"]
            if key not in self.states:
                return 404, {"detail": f"no pair {key}"}
            if path.endswith("confirm") and self.states[key] in CLOSED:  # a short run closes before it is confirmed
                return 200, {"state": self.states[key]}
            self.states[key] = "running" if path.endswith("confirm") else "held"
            self.reasons[key] = body.get("reason", "")
            return 200, {"state": self.states[key]}

    def _offered(self) -> list[tuple[str, str]]:
        return [key for key, state in self.states.items() if state == "offered"]

    def _close(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        for key, pair in self.pairs.items():
            if (pair["workflow"], pair["dag_run_id"]) == (body["workflow"], body["dag_run_id"]):
                self.states[key], self.reasons[key] = body["state"], body["reason"]
                return 200, {"state": body["state"]}
        return 404, {"detail": f"no run {body['dag_run_id']} of workflow {body['workflow']}"}


@contextmanager
def serve_intake(port: int = 0) -> Iterator[Intake]:
    """An intake server on 127.0.0.1, at a free port unless one is named."""
    intake = Intake()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            self._reply(lambda: (200, intake.offers(float(query.get("wait_s", ["0"])[0]))))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._reply(lambda: intake.answer(self.path, body))

        def _reply(self, answer) -> None:
            if intake.status is not None:
                status, payload = intake.status, intake.body
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, payload = 401, b'{"detail": "no token"}'
            else:
                status, found = answer()
                payload = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    intake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield intake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def connection(url: str, token: str = TOKEN) -> str:
    """The value of ``AIRFLOW_CONN_CLARA_ADAPTER`` for an adapter at this URL."""
    parts = urlsplit(url)
    return json.dumps(
        {
            "conn_type": "clara_adapter",
            "host": f"{parts.scheme}://{parts.hostname}",
            "port": parts.port,
            "password": token,
        }
    )
