"""A PACS with a viewer in front, as a radiologist has them: Orthanc with DICOMweb, and OHIF in Chromium."""

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from tests.support.peers import free_port, require_file, require_program

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
OHIF = Path(__file__).parents[2] / ".peers" / "ohif" / "package" / "dist"
"""Where `make peers` unpacks the built viewer of the npm package @ohif/app."""

START_S = 60
_TIMEOUT_S = 60

CHROMIUM_ARGUMENTS = (
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
)
"""No GPU: SwiftShader draws what WebGL asks for."""

_CONFIG = """
window.config = {
  routerBasename: '/', extensions: [], modes: [], showStudyList: true, maxNumberOfWebWorkers: 1,
  showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: false, showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true, defaultDataSourceName: 'dicomweb',
  investigationalUseDialog: { option: 'never' },
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'dicomweb',
    configuration: {
      friendlyName: 'Orthanc', name: 'Orthanc', wadoUriRoot: '/wado', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
      qidoSupportsIncludeField: false, supportsReject: false, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
      omitQuotationForMultipartRequest: true,
    },
  }],
};
"""


class Pacs:
    """A running Orthanc."""

    def __init__(self, url: str, dicom_port: int) -> None:
        self.url, self.dicom_port = url, dicom_port

    def store(self, path: Path) -> None:
        """Give it one instance. Raises where it refuses."""
        httpx.post(f"{self.url}/instances", content=path.read_bytes(), timeout=_TIMEOUT_S).raise_for_status()


@contextmanager
def running_pacs() -> Iterator[Pacs]:
    """Orthanc with DICOMweb on free ports, its storage gone afterwards."""
    program, plugin = require_program("Orthanc"), require_file(DICOMWEB_PLUGIN)
    with tempfile.TemporaryDirectory() as folder:
        pacs = Pacs(f"http://127.0.0.1:{free_port()}", free_port())
        config = {
            "Name": "PACS", "StorageDirectory": f"{folder}/storage", "IndexDirectory": f"{folder}/index",
            "HttpPort": int(pacs.url.rsplit(":", 1)[1]), "DicomPort": pacs.dicom_port, "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "Plugins": [str(plugin)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "Full", "SeriesMetadata": "Full"},
        }  # fmt: skip
        path = Path(folder) / "orthanc.json"
        path.write_text(json.dumps(config))
        with (Path(folder) / "log").open("w") as log, subprocess.Popen([program, path], stdout=log, stderr=log) as run:
            try:
                _wait_for(f"{pacs.url}/system", run)
                yield pacs
            finally:
                run.terminate()


def _wait_for(url: str, run: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and run.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer")


@contextmanager
def opened_study(pacs: Pacs) -> Iterator[Page]:
    """The viewer's page of the only study in a PACS, its tour dismissed."""
    program = require_program("chromium")
    (study,) = httpx.get(f"{pacs.url}/dicom-web/studies").json()
    with running_viewer(pacs) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_ARGUMENTS))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(_TIMEOUT_S * 1000)
        page.goto(f"{address}/viewer?StudyInstanceUIDs={study['0020000D']['Value'][0]}")
        page.get_by_text("Skip all").click()
        yield page
        browser.close()


@contextmanager
def running_viewer(pacs: Pacs) -> Iterator[str]:
    """OHIF in front of a PACS, on one origin as behind a hospital's proxy; gives its address."""
    viewer = require_file(OHIF / "index.html").parent

    class Site(SimpleHTTPRequestHandler):
        """The viewer's files, and the PACS below ``/dicom-web``."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(viewer))

        def do_GET(self) -> None:
            if self.path.startswith(("/dicom-web", "/wado")):
                self._forward()
            elif self.path.startswith("/app-config.js"):
                self._answer(200, "text/javascript", _CONFIG.encode())
            else:
                if not Path(self.translate_path(self.path)).is_file():
                    self.path = "/index.html"  # a route of the viewer
                super().do_GET()

        def _forward(self) -> None:
            answer = httpx.get(
                pacs.url + self.path, headers={"Accept": self.headers.get("Accept", "*/*")}, timeout=_TIMEOUT_S
            )
            self._answer(answer.status_code, answer.headers.get("Content-Type", "text/plain"), answer.content)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
