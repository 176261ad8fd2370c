"""Addresses replaced, against published vectors and a slow second implementation."""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path

import pytest
from captures import A, B, Story

import flowgauge
from flowgauge import Anonymizer, Streamer

KEY = bytes(range(32))
DATA = Path(__file__).parents[1] / "data"
TALK = str(DATA / "dns.pcap")


def permuted(key: bytes, address: str) -> str:
    """The permutation of `Anonymizer.blake2`, as its documentation has it."""
    ip = ipaddress.ip_address(address)
    half = ip.max_prefixlen // 2
    left, right = int(ip) >> half, int(ip) & (1 << half) - 1
    for number in range(8):
        told = bytes([ip.version, number]) + right.to_bytes(8, "big")
        mixed = int.from_bytes(hashlib.blake2b(told, digest_size=8, key=key).digest(), "big")
        left, right = right, left ^ mixed & (1 << half) - 1
    return str(type(ip)(left << half | right))


def test_blake2_is_a_permutation_of_eight_rounds() -> None:
    for key in (KEY[:16], KEY, KEY * 2):
        anonymizer = Anonymizer.blake2(key)
        for address in ("0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "ff02::fb"):
            assert anonymizer.address(address) == permuted(key, address)


def test_crypto_pan_is_that_of_other_implementations() -> None:
    anonymizer = Anonymizer.crypto_pan(b"32-char-str-for-AES-key-and-pad.")
    assert anonymizer.address("192.0.2.1") == "192.0.125.244"
    assert anonymizer.address(ipaddress.ip_address("2001:db8::1")) == "27fe:8bc7:fee:1e:1e1f:f0fe:f0e1:83fd"


@pytest.mark.parametrize("anonymizer", [Anonymizer.crypto_pan(KEY), Anonymizer.blake2(KEY)])
@pytest.mark.parametrize("capture", ["dns.pcap", "mixed.pcapng", "http.pcap"])
def test_flows_are_the_same_but_for_their_addresses(capture: str, anonymizer: Anonymizer) -> None:
    differ = {"ip_src", "ip_dst", "src_mac", "dst_mac", "src_oui", "dst_oui", "community_id", "dns_answers"}
    names = [column.name for column in flowgauge.columns() if column.name not in differ]

    def flows_of(anonymize: Anonymizer | None, workers: int) -> list[flowgauge.Flow]:
        options = {"statistics": True, "application_fields": True}
        streamer = Streamer(str(DATA / capture), anonymize=anonymize, workers=workers, **options)  # type: ignore[arg-type]
        return sorted(streamer, key=lambda flow: flow.flow_id)

    plain = flows_of(None, 0)
    for workers in (0, 2):
        flows = flows_of(anonymizer, workers)
        for flow, before in zip(flows, plain, strict=True):
            assert (flow.ip_src, flow.ip_dst) == tuple(map(anonymizer.address, (before.ip_src, before.ip_dst)))
            assert flow.ip_src != before.ip_src
            assert before.src_oui in (flow.src_oui, "02:00:00"), "what is locally administered has no maker"
            for name in names:
                assert getattr(flow, name, None) == getattr(before, name, None), name


def test_addresses_in_answers_of_dns_are_those_of_the_flows() -> None:
    anonymizer = Anonymizer.crypto_pan(KEY)
    plain = [flow.dns_answers for flow in Streamer(TALK, application_fields=True)]
    replaced = [flow.dns_answers for flow in Streamer(TALK, application_fields=True, anonymize=anonymizer)]
    assert any(plain) and plain != replaced
    assert [[anonymizer.address(answer) for answer in answers or []] for answers in plain] == [
        answers or [] for answers in replaced
    ]


def test_pieces_merge_as_those_that_are_not_replaced() -> None:
    anonymizer = Anonymizer.blake2(KEY)

    def flows(story: Story, after: flowgauge.Position | None = None) -> Streamer:
        return Streamer(story.pcap(), active_timeout=None, anonymize=anonymizer, after=after)

    first = flows(Story().udp(0, A, B, sport=1, dport=2))
    records = list(first)
    records += flows(Story().udp(1, B, A, sport=2, dport=1), first.position)
    (whole,) = flowgauge.merge(records)
    assert (whole.src_to_dst_pkts, whole.dst_to_src_pkts, whole.ip_src) == (1, 1, anonymizer.address(A))


def test_metrics_see_the_addresses_of_the_packets() -> None:
    seen = set()

    def look(packet: flowgauge.PacketInformation, flow: flowgauge.LiveFlow) -> None:
        seen.add(flow.ip_src)

    (flow,) = Streamer(Story().udp(0, A, B).pcap(), user_metrics={"look": look}, anonymize=Anonymizer.blake2(KEY))
    assert seen == {A} and flow.ip_src != A


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="a key of 32 bytes, not one of 5"):
        Anonymizer.crypto_pan(b"short")
    with pytest.raises(ValueError, match="16 to 64 bytes, not one of 0"):
        Anonymizer.blake2(b"")
    with pytest.raises(ValueError, match='not "example.org"'):
        Anonymizer.blake2(KEY).address("example.org")
    with pytest.raises(TypeError, match="anonymize must be an Anonymizer, or None"):
        Streamer(TALK, anonymize=KEY)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Anonymizer()
    assert KEY.hex() not in repr(Anonymizer.blake2(KEY)) and repr(Anonymizer.blake2(KEY)) == "Anonymizer(blake2)"
