"""Drives a real JupyterLab in a real Chromium: what the browser tests are written with."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, TimeoutError

ROOT = Path(__file__).resolve().parents[3]
SHOTS = ROOT / "build" / "screenshots"

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: No news pop-up, no windowing (cells off screen must exist, too), no autosave under a test's feet.
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}


def chromium() -> str | None:
    """The browser to use: MAILLAB_CHROMIUM, else the system's."""
    named = os.environ.get("MAILLAB_CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    return named or next(filter(None, found), None)


class LabServer:
    """A JupyterLab on a copy of the notebooks, with a home of its own, on 127.0.0.1 only."""

    def __init__(self, work: Path) -> None:
        self.notebooks = work / "notebooks"
        shutil.copytree(ROOT / "notebooks", self.notebooks, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        shutil.copytree(Path(__file__).parent / "fixtures", self.notebooks, dirs_exist_ok=True)
        home = work / "home"
        (home / "config" / "labconfig").mkdir(parents=True)
        settings = home / "config" / "labconfig" / "default_setting_overrides.json"
        settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
        self.token, self.port = secrets.token_hex(16), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = work / "jupyter.log"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "JPY_"))}
        env |= {"HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"), "IPYTHONDIR": str(home / "ipython")}
        # A restarted kernel wants its old ports back, which a test beside it may have got meanwhile: so it gets sockets
        # of files. Their whole path has to fit into 107 bytes.
        self._sockets = tempfile.TemporaryDirectory(prefix="lab-")
        env |= {"JUPYTER_DATA_DIR": str(home / "data"), "JUPYTER_RUNTIME_DIR": self._sockets.name}
        argv = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"]
        argv += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"]
        argv += [f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.notebooks}"]
        argv.append("--KernelManager.transport=ipc")
        if hasattr(os, "getuid") and os.getuid() == 0:
            argv.append("--allow-root")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(argv, env=env, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"JupyterLab didn't start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """End the server; on SIGTERM it ends its kernels itself."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._sockets.cleanup()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


#: Has any cell been executed?
BEGUN = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .some(c => c.model.type === "code" && c.model.executionCount !== null)"""


class Lesson:
    """A notebook, open in the browser."""

    def __init__(self, page: Page, server: LabServer, name: str) -> None:
        self.page, self.name = page, name
        # A workspace of its own: no tab of another test comes back.
        address = f"{server.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{name}?token={server.token}"
        page.goto(address, wait_until="load", timeout=60_000)
        page.wait_for_function("() => window.jupyterapp !== undefined", timeout=60_000)
        page.evaluate(
            """async () => {
                const app = window.jupyterapp;
                await app.restored;
                await app.commands.execute("apputils:change-theme", {theme: "JupyterLab Light"});
                app.shell.collapseLeft(); app.shell.collapseRight();
                for (let i = 0; i < 300 && !app.shell.currentWidget?.sessionContext; i++)
                    await new Promise(r => setTimeout(r, 100));
                const panel = app.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
            }"""
        )
        self.wait_idle()

    def command(self, name: str, **args: Any) -> Any:
        """Run a command of JupyterLab's and wait until it's done."""
        return self.page.evaluate("([n, a]) => window.jupyterapp.commands.execute(n, a).then(() => null)", [name, args])

    def zoom_and_darken(self) -> None:
        """What is there already, as at 200 % on a dark page."""
        self.page.set_viewport_size({"width": 640, "height": 400})
        self.command("apputils:change-theme", theme="JupyterLab Dark")
        self.page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")

    def wait_idle(self, seconds: float = 120) -> None:
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=seconds * 1000,
        )

    def run_all(self, seconds: float = 120) -> None:
        """Run every cell; returns when each code cell has been executed and the kernel is idle."""
        self.command("notebook:run-all-cells")
        try:
            self.page.wait_for_function(BEGUN, timeout=20_000)
        except TimeoutError:  # JupyterLab drops a Run All now and then, just after a kernel has started
            self.command("notebook:run-all-cells")
        self._settled(seconds)

    def run_again(self, seconds: float = 120) -> None:
        """Run every cell, whether it was run before or not."""
        self.command("notebook:clear-all-cell-outputs")
        self.run_all(seconds)

    def restart_and_run_all(self, seconds: float = 120) -> None:
        """A fresh kernel, then every cell."""
        self.command("notebook:clear-all-cell-outputs")
        self.page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.sessionContext.session.kernel.restart();
                await panel.sessionContext.ready;
            }"""
        )
        try:
            self.wait_idle(20)
        except TimeoutError:  # now and then the page misses that the new kernel is up; a new connection asks it
            self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.reconnect()")
            self.wait_idle(seconds)
        self.run_all(seconds)

    def _settled(self, seconds: float) -> None:
        self.page.wait_for_function(
            """() => {
                const code = window.jupyterapp.shell.currentWidget.content.widgets.filter(
                    c => c.model.type === "code" && c.model.sharedModel.getSource().trim());
                const failed = code.some(c => c.model.outputs.toJSON().some(o => o.output_type === "error"));
                return failed || code.every(c => c.model.executionCount !== null);
            }""",
            timeout=seconds * 1000,
        )
        self.wait_idle(seconds)
        self.page.wait_for_timeout(300)

    @property
    def outputs(self) -> Locator:
        """All outputs; never the source of a cell."""
        return self.page.locator(".jp-OutputArea-output")

    def output(self, cell_id: str) -> Locator:
        """The outputs of one cell, by its id in the notebook's file."""
        index = self.page.evaluate(
            "id => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(c => c.model.id === id)", cell_id
        )
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-OutputArea-output")

    def errors(self) -> list[str]:
        """What went wrong, by the outputs' type, not by a colour."""
        found: list[str] = self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets
                .filter(c => c.model.type === "code")
                .flatMap(c => c.model.outputs.toJSON())
                .filter(o => o.output_type === "error")
                .map(o => o.ename + ": " + o.evalue)"""
        )
        broken = self.outputs.filter(has_text="Error displaying widget").count()
        return found + ["a widget that isn't displayed"] * broken

    def widgets_missing(self) -> int:
        """How many widget outputs have nothing in them."""
        missing: int = self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets
                .filter(c => c.model.type === "code")
                .filter(c => c.model.outputs.toJSON().some(o => o.data?.["application/vnd.jupyter.widget-view+json"]))
                .filter(c => !c.node.querySelector(".jp-OutputArea-output .jupyter-widgets")).length"""
        )
        return missing

    def clipped(self) -> list[str]:
        """What reaches beyond its output's right edge: views scroll inside their own frame, so nothing may."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll(".jp-OutputArea-output")].flatMap(area => {
                const edge = area.getBoundingClientRect().right + 1;
                return [...area.querySelectorAll(".mlv, input, textarea, button")]
                    .filter(node => node.getBoundingClientRect().width && node.getBoundingClientRect().right > edge)
                    .map(node => node.getAttribute("aria-label") || node.outerHTML.slice(0, 80));
            })"""
        )
        return found

    def screenshot(self, name: str, whole: bool = True) -> Path:
        """Into build/screenshots/NAME.png; the whole notebook if asked for, else what the window shows."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path, size = SHOTS / f"{name}.png", self.page.viewport_size
        assert size is not None
        if whole:
            height = self.page.evaluate(
                """() => {
                    const n = document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer");
                    n.scrollTop = 0;
                    return n.scrollHeight - n.clientHeight + window.innerHeight; }"""
            )
            self.page.set_viewport_size({"width": size["width"], "height": min(int(height) + 20, 15_000)})
            self.page.wait_for_timeout(400)
        self.page.screenshot(path=path)
        if whole:
            self.page.set_viewport_size(size)
        return path


def new_page(browser: Browser) -> Page:
    """A window of 1280 × 800."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    return context.new_page()
