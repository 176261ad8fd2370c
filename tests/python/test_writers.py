"""What the writers of a streamer have in common: columns, compression, errors, and nothing under a name that is not whole."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captures import Story, conversations

import flowgauge
from flowgauge import Streamer, packet

FIVE = conversations(5)
WRITERS: dict[str, Callable[..., int]] = {
    "csv": Streamer.to_csv, "json": Streamer.to_json, "ipfix": Streamer.to_ipfix, "parquet": Streamer.to_parquet,
    "feather": Streamer.to_feather,
}  # fmt: skip
PACKED = ["csv", "json", "ipfix"]
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_of_json_has_every_column_and_what_a_flow_says(tmp_path: Path) -> None:
    def count(packet: flowgauge.PacketInformation, flow: flowgauge.LiveFlow) -> None:
        flow.metrics["n"] += 1

    metrics: dict[str, Any] = {"n": count, "big": (packet.size > 20).sum()}
    streamer = Streamer(FIVE, user_metrics=metrics, statistics=True, splt=2)
    assert streamer.to_json(tmp_path / "flows.jsonl") == 5
    flows = list(streamer)
    assert [list(line) for line in lines(tmp_path / "flows.jsonl")] == [streamer.collect().columns] * 5
    for line, flow in zip(lines(tmp_path / "flows.jsonl"), flows, strict=True):
        assert line.items() >= json.loads(str(flow)).items()
        assert (line["n"], line["size_mean"], line["splt_size"]) == (2, flow.size_mean, flow.splt_size)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_columns_are_those_asked_for_in_that_order(form: str, tmp_path: Path) -> None:
    path = tmp_path / "flows"
    assert WRITERS[form](Streamer(FIVE, user_metrics={"n": packet.size.count()}), path, columns=["n", "ip_protocol"]) == 5
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[1] == {"csv": "2,17", "json": '{"n": 2, "ip_protocol": 17}'}[form]


@every_writer
def test_a_column_that_is_none_is_an_error_before_anything_is_written(write: Callable[..., int], tmp_path: Path) -> None:
    for columns in (["nonsense"], ["pkts", "pkts"], ["size_mean"]):
        with pytest.raises(ValueError, match=columns[0]):
            write(Streamer(FIVE), tmp_path / "flows", columns=columns)
    with pytest.raises(TypeError, match="columns must be a list of names"):
        write(Streamer(FIVE), tmp_path / "flows", columns="pkts")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("form", PACKED)
def test_the_end_of_a_name_says_how_a_file_is_compressed(form: str, tmp_path: Path) -> None:
    write, plain = WRITERS[form], tmp_path / "flows"
    assert write(Streamer(FIVE), plain) == 5
    assert write(Streamer(FIVE), tmp_path / "flows.GZ") == 5
    assert gzip.decompress((tmp_path / "flows.GZ").read_bytes()) == plain.read_bytes()
    assert write(Streamer(FIVE), tmp_path / "flows.zst") == 5
    assert (tmp_path / "flows.zst").read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    if form == "csv":
        polars = pytest.importorskip("polars")
        assert polars.read_csv(tmp_path / "flows.zst").equals(polars.read_csv(plain))


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_what_is_compressed_inside_is_not_called_so(form: str, tmp_path: Path) -> None:
    for name in ("flows.gz", "flows.parquet.zst"):
        with pytest.raises(ValueError, match="path must not end as that of a compressed file"):
            WRITERS[form](Streamer(FIVE), tmp_path / name)
    assert os.listdir(tmp_path) == []


@every_writer
def test_what_cannot_be_written_is_pythons_own_error(write: Callable[..., int], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(Streamer(FIVE), tmp_path / "nowhere" / "flows")
    with pytest.raises(IsADirectoryError):
        write(Streamer(FIVE), tmp_path)
    with pytest.raises(OSError, match="/dev/full") as raised:
        write(Streamer(FIVE), "/dev/full")
    assert raised.value.errno == 28
    assert os.listdir(tmp_path) == []


@every_writer
def test_the_capture_that_is_read_is_never_written_over(write: Callable[..., int], tmp_path: Path) -> None:
    capture, manifest = tmp_path / "a.pcap", tmp_path / "b.manifest.json"
    for path in (capture, manifest):
        path.write_bytes(FIVE)
    with pytest.raises(ValueError, match="must not be the capture"):
        write(Streamer(capture), capture)
    with pytest.raises(ValueError, match="must not be the capture"):
        write(Streamer([capture, manifest]), tmp_path / "b", manifest=True)
    assert capture.read_bytes() == manifest.read_bytes() == FIVE
    assert sorted(os.listdir(tmp_path)) == ["a.pcap", "b.manifest.json"]


@every_writer
def test_a_damaged_capture_leaves_its_flows_in_a_part(write: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "flows").write_text("old")
    with pytest.raises(flowgauge.CaptureError):
        write(Streamer(FIVE[:-5]), tmp_path / "flows", manifest=True)
    assert sorted(os.listdir(tmp_path)) == ["flows", "flows.part"]
    assert (tmp_path / "flows").read_text() == "old"
    if write is Streamer.to_json:
        assert [line["src_port"] for line in lines(tmp_path / "flows.part")] == [1, 2, 3, 4, 5]


@every_writer
def test_ctrl_c_leaves_nothing(write: Callable[..., int], tmp_path: Path) -> None:
    def interrupted(packet: flowgauge.PacketInformation, flow: flowgauge.LiveFlow) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(Streamer(FIVE, user_metrics={"n": interrupted}), tmp_path / "flows", manifest=True)
    assert os.listdir(tmp_path) == []


def dumped(path: Path, *arguments: str) -> str:
    if shutil.which("ipfixDump") is None:
        pytest.skip("ipfixDump is not installed (scripts/setup --oracles installs it)")
    done = subprocess.run(["ipfixDump", *arguments, "-i", str(path)], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode(errors="replace")


def test_ipfix_has_a_record_a_flow_or_one_a_direction(tmp_path: Path) -> None:
    story = Story()
    story.udp(0, "10.0.0.1", "10.0.0.2", sport=1, dport=2)
    story.udp(1, "10.0.0.2", "10.0.0.1", sport=2, dport=1)
    both, each = tmp_path / "both.ipfix", tmp_path / "each.ipfix"
    assert Streamer(story.pcap()).to_ipfix(both) == Streamer(story.pcap()).to_ipfix(each, uniflow=True) == 1
    flows = [dumped(path, "--data").count("sourceTransportPort") for path in (both, each)]
    assert flows == [1, 2]
    assert ["(29305/" in dumped(path, "--data") for path in (both, each)] == [True, False]


def test_ipfix_has_what_iana_does_not_know_only_under_a_number_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "flows.ipfix"
    streamer = Streamer(FIVE, user_metrics={"big": (packet.size > 20).sum()})
    for columns, name in ((["pkts", "big"], "pkts"), (["src_port", "big"], "big")):
        with pytest.raises(ValueError, match=f'IANA has no element for "{name}": leave it out of columns'):
            streamer.to_ipfix(path, columns=columns)
    assert streamer.to_ipfix(path, columns=["src_port", "big"], enterprise_number=32473) == 5
    assert b"big" in path.read_bytes()
    for wrong in (0, 2**32, 29305):
        with pytest.raises(ValueError, match="enterprise_number must be"):
            streamer.to_ipfix(path, enterprise_number=wrong)
    with pytest.raises(TypeError, match="enterprise_number must be"):
        streamer.to_ipfix(path, enterprise_number="32473")  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == ["flows.ipfix"]
