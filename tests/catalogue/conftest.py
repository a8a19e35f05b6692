"""The catalogue as its README starts it, and a browser to look at it with, as wide as a desk's and as a telephone's."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPHS = ROOT / "build/scikit-image"
# Subfolders are what the pictures are. The rest of the photographs is in none, so that there is a second page.
FOLDERS = {
    "Animal": ["chelsea.png", "horse.png"],
    "Print": ["page.png", "text.png", "clock_motion.png"],
    "Surface": ["brick.png", "grass.png", "gravel.png"],
}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder as an institution might have it: a file that is no picture in it, too."""
    folder = tmp_path_factory.mktemp("pictures")
    classes = (ROOT / "examples/catalogue/classes.csv").read_text()
    # One label by several words, here the same ones, so that nothing else changes.
    (folder / "classes.csv").write_text(classes + classes.splitlines()[-1] + "\n")
    subfolders = {name: subfolder for subfolder, names in FOLDERS.items() for name in names}
    for file in [*PHOTOGRAPHS.glob("*.*g"), *PHOTOGRAPHS.glob("*.gif")]:
        target = folder / subfolders.get(file.name, "") / file.name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(file, target)
    (folder / "broken.jpg").write_bytes((PHOTOGRAPHS / "rocket.jpg").read_bytes()[:2000])
    return folder


@pytest.fixture(scope="session")
def servers():
    """Where the throw-away server is, which its user can reach."""
    with tempfile.TemporaryDirectory(prefix="catalogue.") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def site(pictures, servers):
    """The catalogue's address, while it runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % free.getsockname()[1]
    environment = os.environ | {"IMAGES": str(pictures), "LISTEN": address, "TMPDIR": str(servers)}
    log = servers / "log"
    with log.open("w") as stderr:
        command = [ROOT / "examples/catalogue/run.sh"]
        # What a shell runs in the background ignores Ctrl-C, and so would all that it starts.
        heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        running = subprocess.Popen(command, env=environment, stderr=stderr, start_new_session=True, preexec_fn=heed)
    url = f"http://{address}"
    while running.poll() is None:
        try:
            urllib.request.urlopen(url).close()
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    said = log.read_text()
    assert "until Ctrl-C" in said and "broken.jpg" in said, said
    yield url
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=60) == 130
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        yield browser
        browser.close()


@pytest.fixture(params=[1280, 390])
def page(browser, site, request):
    """A page that runs no script of its own, at either width; whatever the browser complains of is an error."""
    context = browser.new_context(
        base_url=site,
        viewport={"width": request.param, "height": 844},
        java_script_enabled=False,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(5000)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda sent: complaints.append(sent.url) if not sent.url.startswith(site) else None)
    yield page
    # What the browser says of answers that are errors is of the tests' own making.
    assert [text for text in complaints if "the server responded with a status of" not in text] == []
    context.close()
