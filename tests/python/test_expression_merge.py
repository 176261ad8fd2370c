"""Expressions over pieces of a capture, merged into those of the whole."""

from __future__ import annotations

import pytest
from captures import A, B, Story

import flowgauge
from flowgauge import Flow, Streamer, packet

METRICS = {
    "big": (packet.size > 50).sum(),
    "mean_gap": packet.gap.mean(),
    "gaps": packet.gap.first(4),
    "by_direction": packet.size.sum().over("direction"),
    "last": packet.size.last(2),
    "middle": packet.size.quantile(0.5),
    "unique": packet.size.n_unique(),
    "index": packet.index.max(),
}
SIZES = [(0, A, B, 3), (1, B, A, 40), (2, A, B, 0), (5, B, A, 90), (6, A, B, 3), (9, A, B, 11)]


def pieces(cuts: list[int], mergeable: bool) -> list[Flow]:
    """The flows of all pieces."""
    flows: list[Flow] = []
    after = None
    for first, end in zip([0, *cuts], [*cuts, len(SIZES)], strict=True):
        story = Story()
        for at, src, dst, size in SIZES[first:end]:
            story.udp(at, src, dst, size, sport=1 if src == A else 2, dport=2 if src == A else 1)
        streamer = Streamer(
            story.pcap(), user_metrics=METRICS, active_timeout=None, n_dissections=0, mergeable=mergeable, after=after
        )
        flows.extend(streamer)
        after = streamer.position
    return flows


@pytest.mark.parametrize("cuts", [[1], [3], [5], [1, 2], [2, 4], [1, 2, 3, 4, 5]])
def test_pieces_merge_into_the_expressions_of_the_whole(cuts: list[int]) -> None:
    (whole,) = pieces([], mergeable=False)
    assert whole.metrics["gaps"] == [1_000_000_000, 1_000_000_000, 3_000_000_000, 1_000_000_000]
    (merged,) = flowgauge.merge(pieces(cuts, mergeable=True))
    assert dict(merged.metrics) == dict(whole.metrics) | {"index": None}


def test_flows_that_do_not_keep_what_they_folded_merge_without_their_expressions() -> None:
    (merged,) = flowgauge.merge(pieces([3], mergeable=False))
    assert set(merged.metrics.values()) == {None}


def test_an_expression_says_whether_it_can_be_merged() -> None:
    assert [name for name, metric in METRICS.items() if not metric.is_mergeable] == ["index"]
    assert not packet.gap.diff().sum().is_mergeable


def test_what_ends_or_keeps_flows_does_not_go_with_merging() -> None:
    with pytest.raises(ValueError, match="mergeable must be off beside end_flow_when and keep_flows"):
        Streamer(Story().pcap(), end_flow_when=packet.size > 3, mergeable=True)
