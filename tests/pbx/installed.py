"""Kamailio and SIPp from Debian's packages: found, installed where that is allowed, or not there.

With `SCREENPOP_TEST_PBX=required` in the environment their absence fails the tests.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_PACKAGES = (
    "kamailio",
    "kamailio-utils-modules",
    "kamailio-json-modules",
    "kamailio-extra-modules",
    "kamailio-tls-modules",
    "sip-tester",
)
_MODULES = ("http_client.so", "jansson.so", "uuid.so")
_INSTALL_S = 240


def need_kamailio_and_sipp() -> None:
    """Return when both can be run; otherwise skip the test, or fail it, and say why."""
    # The test processes of one run share the packages.
    with (Path(tempfile.gettempdir()) / "screenpop-test-pbx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = _missing()
        why = _install() if missing else None
        missing = missing and _missing()
    if not missing:
        return
    reason = f"no PBX to test with, {', '.join(missing)} missing: {why}"
    if os.environ.get("SCREENPOP_TEST_PBX") == "required":
        pytest.fail(reason)
    pytest.skip(f"{reason}. As root: apt-get install {' '.join(_PACKAGES)}")


def _missing() -> list[str]:
    programs = [name for name in ("kamailio", "sipp") if shutil.which(name) is None]
    modules = [
        name
        for name in _MODULES
        if not any(Path("/usr").glob(f"lib*/kamailio/modules/{name}"))
        and not any(Path("/usr/lib").glob(f"*/kamailio/modules/{name}"))
    ]
    return programs + modules


def _install() -> str | None:
    """Install the packages; return why not."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get here"
    if os.geteuid() != 0:
        return "only root may install packages"
    # RUNLEVEL=1: the package's own service is not started.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    update = ["apt-get", "update"]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *_PACKAGES]
    for command in (update, install):
        try:
            subprocess.run(
                command, env=env, check=True, capture_output=True, text=True, timeout=_INSTALL_S
            )
        except subprocess.TimeoutExpired:
            return f"{' '.join(command[:2])} took more than {_INSTALL_S} s"
        except subprocess.CalledProcessError as error:
            return f"{' '.join(command[:2])} failed: {error.stderr.strip()[-500:]}"
    return None
