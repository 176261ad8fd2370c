"""What scripts/soak takes for growing, and the endless capture it makes."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from flowgauge import Streamer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benches" / "soak"))

import endless  # noqa: E402
import watch  # noqa: E402

SECONDS = 1000


def verdicts(**second: int) -> dict[str, bool]:
    """Of a run of 10 samples a hundred seconds, flat but for what `second` says of the second half."""
    flat = {"rss_kib": 100_000, "threads": 4, "fds": 9}
    samples = [
        watch.Sample(at, **(flat | (second if at >= SECONDS * 0.6 else {}))) for at in range(0, SECONDS, 10)
    ]
    return {what: fine for what, _, _, fine in watch.judge(samples, SECONDS)}


def test_a_flat_run_is_fine() -> None:
    assert all(verdicts().values())


@pytest.mark.parametrize(
    ("second", "grown"),
    [
        ({"rss_kib": 103_025}, {"memory, median, KiB"}),
        ({"rss_kib": 109_097}, {"memory, median, KiB", "memory, peak, KiB"}),
        ({"threads": 5}, {"threads, most"}),
        ({"fds": 10}, {"file descriptors, most"}),
    ],
    ids=str,
)
def test_what_grows_is_seen(second: dict[str, int], grown: set[str]) -> None:
    assert {what for what, fine in verdicts(**second).items() if not fine} == grown


def test_noise_is_not_growth() -> None:
    assert all(verdicts(rss_kib=103_024).values())


def test_warming_up_does_not_count() -> None:
    samples = [watch.Sample(at, 1000 if at < 200 else 90_000, 4, 9) for at in range(0, SECONDS, 10)]
    assert all(fine for *_, fine in watch.judge(samples, SECONDS))


def test_a_run_without_samples_fails() -> None:
    assert not all(fine for *_, fine in watch.judge([watch.Sample(1.0, 1, 1, 1)], SECONDS))


def test_the_endless_capture_goes_on_in_time(data: Path) -> None:
    frames = list(endless.read(data / "web.pcap"))
    assert len(frames) == 52
    # Parts are some hundred kilobytes.
    capture = b"".join(itertools.islice(endless.endless([frames]), 4))
    streamer = Streamer(capture, workers=0, n_dissections=0)
    flows = list(streamer)
    report = streamer.report
    assert report.packets > 1000 and report.out_of_order == 0
    assert flows[-1].end_time_ns - flows[0].start_time_ns > 20 * 10**9
    assert not report.warnings


def test_what_is_not_ethernet_in_classic_pcap_is_left_out(data: Path) -> None:
    assert not list(endless.read(data / "raw.pcap"))
    assert not list(endless.read(data / "mixed.pcapng"))
