"""A real adapter process for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

_ROOT = Path(__file__).parents[2]

START_S = 40.0
"""Imports of pydicom, pynetdicom and FastAPI on a busy machine."""

TOKEN = "token-of-the-tests"

CONFIG = """
dicom:
  scp:
    port: 11112
    ae-titles:
      - {ae-title: OrganSeg, quiet-period-s: 0.5, destinations: [MYPACS]}
      - {ae-title: LiverSeg, quiet-period-s: 0.5, destinations: [MYPACS]}
      - {ae-title: TissueSeg, quiet-period-s: 0.5}
    max-associations: 8
    reject-unknown-sources: true
    sources:
      - {host-ip: 127.0.0.1, ae-title: "*"}
  scu:
    ae-title: ClaraSCU
    destinations:
      - {name: MYPACS, host-ip: 127.0.0.1, port: 4242, ae-title: ORTHANC}
"""
"""What ``running_adapter`` uses unless told otherwise."""


@dataclass
class RunningAdapter:
    """A process and how to reach it."""

    process: "subprocess.Popen[bytes]"
    command: list[str]
    home: Path
    io_root: Path
    workflows_folder: Path
    token: str
    log_file: Path
    dicom_port: int = 0
    http_port: int = 0
    client: httpx.Client = field(default_factory=httpx.Client)

    @property
    def url(self) -> str:
        """Where the REST API is."""
        return f"http://127.0.0.1:{self.http_port}"

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer of ``GET /api/v1<path>``."""
        answer = self.client.get(f"/api/v1{path}", params=params)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer of ``POST /api/v1<path>``."""
        answer = self.client.post(f"/api/v1{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def wait_for_studies(self, count: int = 1, *, state: str | None = None, timeout_s: float = 30) -> list[Any]:
        """The studies, once ``count`` of them are there (in that state) and none is receiving."""
        deadline = time.monotonic() + timeout_s
        while True:
            studies = self.get("/studies")["studies"]
            found = [item for item in studies if state in (None, item["state"])]
            if len(found) >= count and all(item["state"] != "receiving" for item in studies):
                return found
            assert time.monotonic() < deadline, f"{count} studies {state or ''} expected, found {studies}\n{self.log()}"
            time.sleep(0.05)

    def log(self) -> str:
        """What it logged so far."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    def start(self) -> None:
        """Start the process and wait until both ports listen."""
        paths = os.pathsep.join(filter(None, [str(_ROOT / "images"), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "CLARA_ADAPTER_TOKEN": self.token, "PYTHONPATH": paths}
        ports = self.home / "ports.json"
        ports.unlink(missing_ok=True)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not ports.exists():
            assert self.process.poll() is None, f"the adapter ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"the adapter does not listen:\n{self.log()}"
            time.sleep(0.02)
        found = json.loads(ports.read_text())
        self.dicom_port, self.http_port = found["dicom"], found["http"]
        self.client.close()
        headers = {"Authorization": f"Bearer {self.token}"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=70)

    def kill(self) -> None:
        """End it as a power loss would."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """End it with SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def running_adapter(
    tmp_path: Path,
    *,
    config_text: str = CONFIG,
    workflows_folder: Path | None = None,
    io_root: Path | None = None,
    database: str | None = None,
) -> Iterator[RunningAdapter]:
    """A real adapter on free ports, its home below ``tmp_path``; it is ended with the block.

    Args:
        tmp_path: Where home, payload tree, configuration and log go.
        config_text: The configuration.
        workflows_folder: The workflow files; an empty folder unless given.
        io_root: The payload tree; ``tmp_path / "io"`` unless given.
        database: URL of the ledger; SQLite in the home unless given.
    """
    config = tmp_path / "dicom-server-config.yaml"
    config.write_text(config_text)
    folders = [tmp_path / "adapter-home", io_root or tmp_path / "io", workflows_folder or tmp_path / "workflows"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    home, payload, workflows = folders
    command = [
        sys.executable, "-m", "clara_stages.dicom_adapter", "--config", str(config), "--home", str(home),
        "--io-root", str(payload), "--workflows", str(workflows), "--dicom-port", "0", "--http-port", "0",
        *(["--database", database] if database else []),
    ]  # fmt: skip
    adapter = RunningAdapter(
        process=None,
        command=command,
        home=home,
        io_root=payload,
        workflows_folder=workflows,
        token=TOKEN,
        log_file=tmp_path / "adapter.log",
    )
    adapter.start()
    try:
        yield adapter
    finally:
        adapter.client.close()
        if adapter.process.poll() is None:
            adapter.process.terminate()
            try:
                adapter.process.wait(20)
            except subprocess.TimeoutExpired:
                adapter.kill()
