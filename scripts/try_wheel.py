"""Uses what is installed, as a new user would: `try_wheel.py`. Ends with an error unless nDPI and libpcap are the wheel's own."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import flowgauge

CAPTURE = "tests/data/web.pcap"

flows = list(flowgauge.Streamer(CAPTURE, bpf_filter="ip", statistics=True))
assert {"DNS", "HTTP"} <= {flow.application_name for flow in flows}, flows

maps = Path("/proc/self/maps").read_text().splitlines()
loaded = {line.split(maxsplit=5)[5] for line in maps if re.search(r"/lib(ndpi|pcap)[^/]*$", line)}
own = Path(flowgauge.__file__).parents[1] / "flowgauge.libs"
assert len(loaded) == 2 and all(Path(library).parent == own for library in loaded), loaded

script = [str(Path(sysconfig.get_path("scripts"), "flowgauge"))]
for command in (script, [sys.executable, "-m", "flowgauge"]):
    done = subprocess.run([*command, "-q", "-r", CAPTURE, "tcp"], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert 0 < len(lines) < len(flows), done.stdout

watch = str(Path(sysconfig.get_path("scripts"), "netwatch"))
done = subprocess.run([watch, "-s", "-q", "-r", CAPTURE, "udp"], capture_output=True, text=True, check=True)
assert done.stdout.splitlines() and all(" - UDP IP" in line for line in done.stdout.splitlines()), done.stdout

print(f"{len(flows)} flows with {', '.join(sorted(loaded))}")
