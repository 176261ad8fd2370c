"""The manifest that a streamer writes beside its files, as `flowgauge verify` looks at it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_writers import WRITERS, every_writer

import flowgauge
from flowgauge import Anonymizer, Streamer, packet
from flowgauge._native import run_command


@pytest.fixture
def capture(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A capture in a folder of its own, which is the current one: named as a user names it."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(data / "web.pcap", "web.pcap"))


@pytest.fixture
def verify(capfd: pytest.CaptureFixture[str]) -> Callable[[str], tuple[int, list[str]]]:
    """The status of `flowgauge verify`, and its lines without those of other versions."""

    def run(path: str) -> tuple[int, list[str]]:
        capfd.readouterr()
        status = run_command(["flowgauge", "verify", path])
        out, err = capfd.readouterr()
        assert err == ""
        return status, out.splitlines()

    return run


Verify = Callable[[str], tuple[int, list[str]]]


def told(path: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(Path(f"{path}.manifest.json").read_text(encoding="utf-8"))
    return manifest


@pytest.mark.parametrize("form", WRITERS)
def test_verify_makes_the_records_of_every_form_again(form: str, capture: Path, verify: Verify) -> None:
    streamer = Streamer(
        str(capture), statistics=True, splt=3, user_metrics={"big": (packet.size > 666).sum()}, bpf_filter="tcp",
        inactive_timeout=30, active_timeout=None, keep_flows="flow.pkts > 2", decode_tunnels=False, on_error="skip", workers=2,
    )  # fmt: skip
    count = WRITERS[form](streamer, "flows", manifest=True)
    assert sorted(os.listdir()) == ["flows", "flows.manifest.json", "web.pcap"]
    manifest = told("flows")
    assert (manifest["records"], manifest["format"]) == (count, {"feather": "arrow"}.get(form, form))
    assert [entry["path"] for entry in manifest["inputs"]] == ["web.pcap"]
    assert manifest["user_metrics"] == [{"name": "big", "expression": "(packet.size > 666).sum()"}]
    assert manifest["ledger"] == json.loads(str(streamer.report))
    status, lines = verify("flows")
    assert status == 0 and len(lines) == 6
    assert all(line.startswith("equal ") for line in lines)


@every_writer
def test_a_byte_that_is_changed_is_found(write: Callable[..., int], capture: Path, verify: Verify) -> None:
    write(Streamer(capture), "flows", manifest=True)
    whole = Path("flows").read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        Path("flows").write_bytes(changed)
        status, lines = verify("flows")
        assert status == 1
        assert [line.startswith('differs    file "flows": it is ') for line in lines] == [True] + [False] * (len(lines) - 1)
    Path("flows").write_bytes(whole)
    assert verify("flows")[0] == 0
    # One of the capture's payload: it is another input, whether its flows are others or not.
    changed = bytearray(capture.read_bytes())
    changed[-1] ^= 1
    capture.write_bytes(changed)
    status, lines = verify("flows")
    assert status == 1 and any(line.startswith('differs    input "web.pcap"') for line in lines)


def test_the_command_writes_the_same_manifest(capture: Path) -> None:
    Streamer("web.pcap", workers=1).to_csv("flows.csv", manifest=True)
    mine = told("flows.csv")
    assert run_command(["flowgauge", "-q", "-j", "1", "-r", "web.pcap", "-w", "flows.csv"]) == 0
    assert told("flows.csv") == mine


def test_only_the_columns_asked_for_are_in_the_digest(capture: Path, verify: Verify) -> None:
    Streamer(capture, statistics=True).to_parquet("flows", ["dst_port", "bytes"], manifest=True)
    manifest = told("flows")
    assert manifest["columns"] == ["dst_port", "bytes"]
    # What no wanted column needs was off, and is so when it is made again.
    assert (manifest["options"]["statistics"], manifest["options"]["n_dissections"]) == (False, 0)
    assert verify("flows")[0] == 0


def test_several_captures_are_one(capture: Path, verify: Verify) -> None:
    shutil.copy(capture, "again.pcap")
    Streamer([str(capture), "again.pcap"]).to_json("flows.jsonl.gz", manifest=True)
    manifest = told("flows.jsonl.gz")
    assert [entry["path"] for entry in manifest["inputs"]] == ["web.pcap", "again.pcap"]
    assert manifest["output"]["sha256"] == hashlib.sha256(Path("flows.jsonl.gz").read_bytes()).hexdigest()
    assert verify("flows.jsonl.gz")[0] == 0


def unchecked(lines: list[str]) -> list[str]:
    assert not any(line.startswith("differs") for line in lines)
    return [line.removeprefix("unchecked  ") for line in lines if line.startswith("unchecked")]


def test_what_cannot_be_metered_again_is_said(capture: Path, verify: Verify) -> None:
    def count(packet: flowgauge.PacketInformation, flow: flowgauge.LiveFlow) -> None:
        flow.metrics["n"] += 1

    Streamer(capture, user_metrics={"big": (packet.size > 666).sum(), "n": count}).to_csv("flows", manifest=True)
    metrics = told("flows")["user_metrics"]
    assert [(metric["name"], metric["expression"] is None) for metric in metrics] == [("big", False), ("n", True)]
    status, lines = verify("flows")
    assert status == 1 and unchecked(lines) == [
        'records: the metric "n" is code and no expression, so that it cannot be computed here'
    ]

    Streamer(capture, anonymize=Anonymizer.crypto_pan(bytes(32))).to_csv("flows", manifest=True)
    status, lines = verify("flows")
    assert status == 1 and unchecked(lines) == ["records: options.anonymize: true cannot be had here, only false"]

    with capture.open("rb") as file:
        Streamer(file).to_csv("flows", manifest=True)
    assert told("flows")["inputs"][0].items() >= {"path": "web.pcap", "sha256": None}.items()
    for source in (capture.read_bytes(),):
        Streamer(source).to_csv("flows", manifest=True)
        assert told("flows")["inputs"][0]["sha256"] is None
        status, lines = verify("flows")
        assert status == 1 and unchecked(lines)[-1] == "records: not every input is there to be metered again"


def test_there_is_none_unless_it_is_asked_for_and_none_of_a_device(capture: Path) -> None:
    Streamer(capture).to_csv("flows.csv")
    Streamer(capture).to_csv("/dev/null", manifest=True)
    assert sorted(os.listdir()) == ["flows.csv", "web.pcap"]
    assert not os.path.exists("/dev/null.manifest.json")
    with pytest.raises(TypeError):
        Streamer(capture).to_csv("flows.csv", manifest="yes")  # type: ignore[arg-type]


@every_writer
def test_a_manifest_that_cannot_be_written_leaves_the_file_as_it_was(write: Callable[..., int], capture: Path) -> None:
    Path("flows").write_text("old")
    Path("flows.manifest.json").mkdir()
    with pytest.raises(IsADirectoryError):
        write(Streamer(capture), "flows", manifest=True)
    assert Path("flows").read_text() == "old"
    assert sorted(os.listdir()) == ["flows", "flows.manifest.json", "web.pcap"]


def test_of_a_link_it_lies_beside_what_that_leads_to(capture: Path, verify: Verify) -> None:
    Path("disk").mkdir()
    Path("disk/flows").touch()
    Path("link").symlink_to("disk/flows")
    Streamer(capture).to_csv("link", manifest=True)
    assert sorted(os.listdir("disk")) == ["flows", "flows.manifest.json"]
    assert verify("link")[0] == verify("disk/flows")[0] == 0
