"""A Kubernetes API server that knows pods, their logs and nothing else; a test says what becomes of each pod."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Pod = dict[str, Any]


class KubernetesApi:
    """The cluster.

    Attributes:
        pods: Name -> pod, as it is now.
        created: Names of the pods that clients created.
        deleted: Names of the pods that clients deleted.
        logs: What every container says.
        run: Called with each created pod; sets its status.
        kubeconfig: The file that leads a client here.
    """

    def __init__(self, run: Callable[[Pod], None], kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.pods: dict[str, Pod] = {}
        self.created: list[str] = []
        self.deleted: list[str] = []
        self.logs = ""
        self.run = run

    def add(self, pod: Pod) -> None:
        """Put a pod there, as an earlier attempt left it."""
        self.pods[pod["metadata"]["name"]] = pod

    def create(self, pod: Pod) -> Pod:
        """A client's pod."""
        self.add(pod)
        self.created.append(pod["metadata"]["name"])
        self.run(pod)
        return pod

    def delete(self, name: str) -> Pod:
        """A client ends a pod."""
        self.deleted.append(name)
        return self.pods.pop(name)

    def patch(self, name: str, body: Pod) -> Pod:
        """A client changes a pod's labels."""
        self.pods[name]["metadata"]["labels"].update(body["metadata"]["labels"])
        return self.pods[name]

    def select(self, selector: str) -> list[Pod]:
        """Pods whose labels fit ``a=b,c!=d,!e``."""
        return [pod for pod in self.pods.values() if all(_fits(pod, term) for term in selector.split(",") if term)]


def _fits(pod: Pod, term: str) -> bool:
    labels = pod["metadata"]["labels"]
    if term.startswith("!"):
        return term[1:] not in labels
    name, unequal, value = term.partition("!=")
    if unequal:
        return labels.get(name) != value
    name, _, value = term.partition("=")
    return labels.get(name) == value


def ended(exit_code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    """The status of a pod whose container ``stage`` has ended."""
    now = datetime.now(tz=UTC).isoformat()
    terminated = {"exitCode": exit_code, "reason": reason, "message": message, "finishedAt": now}
    container = {"name": "stage", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    return {
        "phase": "Failed" if exit_code else "Succeeded",
        "containerStatuses": [{**container, "state": {"terminated": terminated}}],
    }


class _Handler(BaseHTTPRequestHandler):
    api: KubernetesApi

    def _answer(self, body: Any, status: int = 200) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> Pod:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))

    def _name(self) -> str | None:
        parts = urlsplit(self.path).path.split("/")  # /api/v1/namespaces/<namespace>/pods/<name>/log
        return parts[6] if len(parts) > 6 else None

    def do_POST(self) -> None:
        self._answer(self.api.create(self._body()), 201)

    def do_GET(self) -> None:
        url, name = urlsplit(self.path), self._name()
        if "/events" in url.path:
            self._answer({"kind": "EventList", "apiVersion": "v1", "items": []})
        elif url.path.endswith("/log"):
            self._answer(self.api.logs)
        elif name is None:
            selector = parse_qs(url.query).get("labelSelector", [""])[0]
            self._answer({"kind": "PodList", "apiVersion": "v1", "items": self.api.select(selector)})
        elif name in self.api.pods:
            self._answer(self.api.pods[name])
        else:
            self._answer({"kind": "Status", "status": "Failure", "code": 404}, 404)

    def do_PATCH(self) -> None:
        self._answer(self.api.patch(self._name(), self._body()))

    def do_DELETE(self) -> None:
        self._answer(self.api.delete(self._name()))

    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def serve_kubernetes(folder: Path, run: Callable[[Pod], None]) -> Iterator[KubernetesApi]:
    """A running API server; its kubeconfig file lies in ``folder``."""
    api = KubernetesApi(run, folder / "kubeconfig.json")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    api.kubeconfig.write_text(json.dumps(config))
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
