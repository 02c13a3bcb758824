"""One JupyterLab and one Chromium for all browser tests; a page of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, sync_playwright

from .lab import CHROMIUM_ARGS, LabServer, Lesson, chromium, new_page

OpenLesson = Callable[..., Lesson]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium (or MAILLAB_CHROMIUM), without a window."""
    program = chromium()
    if program is None:
        pytest.skip("No Chromium found: install it, or name one in MAILLAB_CHROMIUM.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab of this virtual environment."""
    server = LabServer(Path(tmp_path_factory.mktemp("jupyterlab")))
    yield server
    server.stop()


@pytest.fixture
def open_lesson(browser: Browser, lab_server: LabServer) -> Iterator[OpenLesson]:
    """`open_lesson("widgets.ipynb")` → the notebook, open, its kernel ready."""
    yield from opener(browser, lab_server)


@pytest.fixture(scope="module")
def open_once(browser: Browser, lab_server: LabServer) -> Iterator[OpenLesson]:
    """The same for a notebook that a module's tests share: each runs it anew, which is quicker than opening it."""
    yield from opener(browser, lab_server)


def opener(browser: Browser, lab_server: LabServer) -> Iterator[OpenLesson]:
    pages = []

    def opened(name: str) -> Lesson:
        page = new_page(browser)
        pages.append(page)
        return Lesson(page, lab_server, name)

    yield opened
    for page in pages:
        page.evaluate("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown()")
        page.context.close()
