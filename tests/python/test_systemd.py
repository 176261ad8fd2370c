"""The units of examples/systemd: systemd understands them, and so does the command that they start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
COMMAND = str(Path(sysconfig.get_path("scripts")) / "flowgauge")


@pytest.fixture(params=UNITS, ids=lambda path: path.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit whose program is that of this installation."""
    copy: Path = tmp_path / request.param.name
    copy.write_text(request.param.read_text().replace("/usr/local/bin/flowgauge", COMMAND))
    return copy


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_understands_it_and_finds_little_that_it_may_do(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:]


def test_what_it_starts_is_understood(unit: Path, tmp_path: Path) -> None:
    found = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    assert found
    config = tmp_path / "options.toml"
    config.write_text("")
    line = re.sub(r"/etc/flowgauge/\w+\.toml", str(config), found[1]).replace("%I", "eth0").replace("%i", "eth0")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLOWGAUGE_")}
    done = subprocess.run([*line.split(), "--check"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert 'log_format = "json"' in done.stdout
