"""What the documentation shows runs as it stands: the README's Python, the docstrings' and the examples."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flowgauge
import flowgauge.nfstream
import flowgauge.pipeline

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples" / "python").glob("*.py"))


def blocks() -> list[str]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "".join(page.read_text(encoding="utf-8") for page in pages if page.exists())
    found = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    docs = "".join(module.__doc__ or "" for module in (flowgauge, flowgauge.nfstream, flowgauge.pipeline))
    indented = re.findall(r"(?:^    .*\n|^\n)+", docs, re.MULTILINE)
    return found + [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in indented if block.strip()]


@pytest.mark.parametrize("block", blocks())
def test_programs_of_the_documentation_run(
    block: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in set(re.findall(r"[\w/.-]+\.pcap(?:ng)?", block)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / "story.pcap", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "documentation", "exec"), {"__name__": "__main__"})
    assert capfd.readouterr().out or "print" not in block


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_run(example: Path, data: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(example), str(data / "story.pcap")], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_say_what_they_show(example: Path) -> None:
    # A name other than __main__ reads it without running it.
    assert (runpy.run_path(str(example), run_name="example")["__doc__"] or "").endswith("\n")


def test_everything_public_is_documented() -> None:
    for module in (flowgauge, flowgauge.nfstream, flowgauge.pipeline):
        for name in module.__all__:
            if name != "__version__":
                assert getattr(module, name).__doc__, name
