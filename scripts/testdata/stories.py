"""The stories that the captures of tests/data tell. Addresses and names are those kept free for documentation
(RFC 5737, RFC 3849, RFC 2606), the MAC addresses are locally administered."""

import struct

from testdata import frames as f
from testdata.story import Story

HOST, RESOLVER, WEB = "192.0.2.10", "198.51.100.53", "198.51.100.80"
HOST6, RESOLVER6, WEB6 = "2001:db8::10", "2001:db8:53::53", "2001:db8:80::80"
HOST_MAC, GATEWAY_MAC = "02:00:00:00:00:10", "02:00:00:00:00:01"


def out(layer):
    """On Ethernet, from the host to the gateway."""
    return f.ethernet(layer, HOST_MAC, GATEWAY_MAC)


def back(layer):
    return f.ethernet(layer, GATEWAY_MAC, HOST_MAC)


def dns_question(ident, name, kind=1):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!HH", kind, 1)


def dns_answer(ident, name, kind, address):
    """One A (1) or AAAA (28) record."""
    question = dns_question(ident, name, kind)
    data = f.address(address)
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(data)) + data
    return struct.pack("!HHHHHH", ident, 0x8180, 1, 1, 0, 0) + question[12:] + record


class Connection:
    """A TCP connection that keeps its sequence numbers; yields the IP packets of each side."""

    def __init__(self, ip, client, client_port, server, server_port, seq=(1000, 9000)):
        self.ip = ip
        self.ends = ((client, client_port), (server, server_port))
        self.seq = list(seq)

    def client(self, flags, payload=b"", options=b""):
        return self.packet(0, flags, payload, options)

    def server(self, flags, payload=b"", options=b""):
        return self.packet(1, flags, payload, options)

    def packet(self, side, flags, payload, options):
        (src, src_port), (dst, dst_port) = self.ends[side], self.ends[1 - side]
        ack = self.seq[1 - side] if flags & f.ACK else 0
        segment = f.tcp(src_port, dst_port, flags, self.seq[side], ack, payload, options)
        self.seq[side] += len(payload) + bool(flags & f.SYN) + bool(flags & f.FIN)
        return self.ip(src, dst, segment)


REQUEST = b"GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: story/1.0\r\nAccept: */*\r\n\r\n"
BODY = b"<!doctype html><title>A story</title><p>" + b"Once upon a time. " * 20 + b"</p>\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
SYN_OPTIONS = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\1\0\0\0\0\x01\x03\x03\x07"  # MSS, SACK permitted, stamps, scale


def fetch(story, connection, wrap_out=out, wrap_back=back):
    """Handshake, a request, an answer, and an orderly end in both directions: nine packets."""
    c = connection
    story.frame(wrap_out(c.client(f.SYN, options=SYN_OPTIONS))).wait(10)
    story.frame(wrap_back(c.server(f.SYN | f.ACK, options=SYN_OPTIONS))).wait(1)
    story.frame(wrap_out(c.client(f.ACK))).wait(1)
    story.frame(wrap_out(c.client(f.PSH | f.ACK, REQUEST))).wait(12)
    story.frame(wrap_back(c.server(f.PSH | f.ACK, RESPONSE))).wait(1)
    story.frame(wrap_out(c.client(f.ACK))).wait(5)
    story.frame(wrap_back(c.server(f.FIN | f.ACK))).wait(1)
    story.frame(wrap_out(c.client(f.FIN | f.ACK))).wait(10)
    story.frame(wrap_back(c.server(f.ACK))).wait(1)


def look_up(story, ip, host, resolver, port, name, kind, address, wrap_out=out, wrap_back=back):
    story.frame(wrap_out(ip(host, resolver, f.udp(port, 53, dns_question(port, name, kind))))).wait(8)
    story.frame(wrap_back(ip(resolver, host, f.udp(53, port, dns_answer(port, name, kind, address))))).wait(1)


def everyday():
    """A host finds its way: ARP, DNS, HTTP, ping, the same over IPv6, and frames that are no IP at all."""
    s = Story()
    host, gateway = f.mac(HOST_MAC) + f.address(HOST), f.mac(GATEWAY_MAC) + f.address("192.0.2.1")
    who_has = f.Layer(struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + host + bytes(6) + gateway[6:], f.ARP_TYPE)
    is_at = f.Layer(struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + gateway + host, f.ARP_TYPE)
    s.frame(f.ethernet(who_has, HOST_MAC, "ff:ff:ff:ff:ff:ff"), skip="not_ip").wait(1)
    s.frame(back(is_at), skip="not_ip").wait(1)
    look_up(s, f.ipv4, HOST, RESOLVER, 40001, "www.example.org", 1, WEB)
    fetch(s, Connection(f.ipv4, HOST, 50001, WEB, 80))
    for number in (1, 2):
        s.frame(out(f.ipv4(HOST, WEB, f.icmp(8, 0, 0x77 << 16 | number, b"abcdefgh" * 7)))).wait(9)
        s.frame(back(f.ipv4(WEB, HOST, f.icmp(0, 0, 0x77 << 16 | number, b"abcdefgh" * 7)))).wait(91)

    neighbour = f.address("2001:db8::1") + b"\x01\x01" + f.mac(HOST_MAC)
    s.frame(out(f.ipv6(HOST6, "ff02::1:ff00:1", f.icmp(135, 0, 0, neighbour, f.ICMPV6)))).wait(1)
    look_up(s, f.ipv6, HOST6, RESOLVER6, 40006, "www.example.org", 28, WEB6)
    refused = Connection(f.ipv6, HOST6, 50006, WEB6, 443)
    s.frame(out(refused.client(f.SYN, options=SYN_OPTIONS))).wait(10)
    s.frame(back(refused.server(f.RST | f.ACK))).wait(1)
    neighbours = b"\x02\x07\x04" + f.mac(HOST_MAC) + b"\x04\x03\x07p1\x06\x02\0\x78\0\0"
    s.frame(out(f.Layer(neighbours, f.LLDP_TYPE)), skip="not_ip").wait(1)
    spanning_tree = b"\x42\x42\x03" + bytes(35)
    s.frame(out(f.Layer(spanning_tree, len(spanning_tree))), skip="not_ip").wait(1)
    return s


def wrapped(s):
    """The same kind of packets within everything that may stand between Ethernet and IP, and within tunnels."""
    ask = f.ipv4(HOST, RESOLVER, f.udp(40002, 53, dns_question(2, "vlan.example.org")))
    answer = f.ipv4(RESOLVER, HOST, f.udp(53, 40002, dns_answer(2, "vlan.example.org", 1, WEB)))
    # One five-tuple, four flows: untagged, VLAN 100, VLAN 200, and 30 within 20.
    for tags in ((), (100,), (200,), (30, 20)):
        tagged_ask, tagged_answer = ask, answer
        for depth, tag in enumerate(tags):
            kind = f.QINQ_TYPE if depth else f.VLAN_TYPE
            tagged_ask, tagged_answer = f.vlan(tagged_ask, tag, kind), f.vlan(tagged_answer, tag, kind)
        s.frame(out(tagged_ask)).wait(5).frame(back(tagged_answer)).wait(5)

    fetch(s, Connection(f.ipv4, HOST, 50002, WEB, 80), lambda p: out(f.mpls(p, 16, 17)), lambda p: back(f.mpls(p, 18)))
    pppoe = (lambda p: out(f.pppoe(p)), lambda p: back(f.pppoe(p)))
    look_up(s, f.ipv4, HOST, RESOLVER, 40003, "pppoe.example.org", 1, WEB, *pppoe)
    look_up(s, f.ipv6, HOST6, RESOLVER6, 40003, "pppoe.example.org", 28, WEB6, *pppoe)
    s.frame(out(f.pppoe(f.Layer(b"\x09\x01\x00\x08\0\0\0\0", 0xC021))), skip="not_ip").wait(1)
    s.frame(out(f.Layer(b"\x11\x09\0\0\0\x04\x01\x01\0\0", f.PPPOE_DISCOVERY_TYPE)), skip="not_ip").wait(1)
    snap = (lambda p: out(f.snap(p)), lambda p: back(f.snap(p)))
    look_up(s, f.ipv4, HOST, RESOLVER, 40004, "snap.example.org", 1, WEB, *snap)

    # GTP-U: each way has a TEID of its own; downlink with an extension header (PDU session container).
    tunnel = (
        lambda p: out(f.gtpu("203.0.113.1", "203.0.113.2", 0x1111, p)),
        lambda p: back(f.gtpu("203.0.113.2", "203.0.113.1", 0x2222, p, b"\x85\x01\x00\x09")),
    )
    look_up(s, f.ipv4, "10.45.0.2", RESOLVER, 40005, "gtp.example.org", 1, WEB, *tunnel)
    fetch(s, Connection(f.ipv6, "2001:db8:45::2", 50005, WEB6, 80), *tunnel)

    # Unwrapped without a word: IP-in-IP and 6in4.
    inside = (
        lambda p: out(f.within("203.0.113.5", "203.0.113.6", p)),
        lambda p: back(f.within("203.0.113.6", "203.0.113.5", p)),
    )
    look_up(s, f.ipv4, "10.0.0.7", RESOLVER, 40007, "ipip.example.org", 1, WEB, *inside)
    look_up(s, f.ipv6, "2001:db8:7::7", RESOLVER6, 40008, "6in4.example.org", 28, WEB6, *inside)


def odd(s):
    """Options, extension headers, other protocols, fragments, lengths that have to be taken from elsewhere."""
    router_alert = b"\x94\x04\0\0"
    join = f.opaque(f.IGMP, struct.pack("!BBH", 0x16, 0, 0) + f.address("233.252.0.1"))
    s.frame(out(f.ipv4(HOST, "233.252.0.1", join, options=router_alert))).wait(1)
    s.frame(out(f.ipv4(HOST, WEB, f.opaque(f.ESP, struct.pack("!II", 0xE5B, 1) + bytes(64))))).wait(1)
    init = struct.pack("!BBHIIHHI", 1, 0, 20, 0xABCD, 65535, 10, 10, 1)
    s.frame(out(f.ipv4(HOST, WEB, f.sctp(50010, 36412, init)))).wait(5)
    s.frame(back(f.ipv4(WEB, HOST, f.sctp(36412, 50010, struct.pack("!BBH", 6, 0, 4))))).wait(1)
    padding = b"\x00\x01\x04\0\0\0\0"
    chain = ((0, padding), (60, padding), (43, bytes(7)))
    s.frame(out(f.ipv6(HOST6, WEB6, f.udp(40011, 4000, b"behind three extension headers"), chain))).wait(1)

    # Fragments: the first piece carries the ports; one way in three pieces, the other in two.
    big = bytes(range(256)) * 6
    for piece in f.ipv4_fragments(HOST, WEB, f.udp(40012, 4000, big), (512, 512), 0x1234):
        s.frame(out(piece)).wait(1)
    for piece in f.ipv4_fragments(WEB, HOST, f.udp(4000, 40012, big), (800,), 0x4321):
        s.frame(back(piece)).wait(1)
    for piece in f.ipv6_fragments(HOST6, WEB6, f.udp(40013, 4000, big), (1232,), 0x66666666):
        s.frame(out(piece)).wait(1)
    _, orphan = f.ipv4_fragments(HOST, WEB, f.udp(40014, 4000, big), (1024,), 0x5555)
    s.frame(out(orphan), skip="fragment_without_first").wait(1)

    # Segmentation offload: total length 0, so the wire says how long the packet is. 14 bytes are Ethernet's.
    c = Connection(lambda src, dst, t: f.ipv4(src, dst, t, total_length=0), HOST, 50015, WEB, 80)
    s.frame(out(c.client(f.PSH | f.ACK, bytes(3000)))).wait(1)
    # Padding of short Ethernet frames is on the wire, but neither IP's nor the payload's.
    s.frame(out(f.ipv4(HOST, WEB, f.udp(40016, 4000, b"4 B.")))).wait(1)


def cut(s):
    """What a snaplen leaves, and what cannot be an IP packet. Ethernet is 14 bytes, IPv4 20, IPv6 40."""
    s.frame(out(f.ipv4(HOST, WEB, f.udp(40020, 4000, bytes(1000)))), captured=96).wait(1)
    after_ports = Connection(f.ipv4, HOST, 50021, WEB, 80).client(f.PSH | f.ACK, bytes(500))
    s.frame(out(after_ports.but(payload_bytes=None)), captured=14 + 20 + 8).wait(1)
    before_ports = f.ipv4(HOST, "198.51.100.22", f.udp(40022, 4000, bytes(100)))
    s.frame(out(before_ports.but(src_port=0, dst_port=0)), captured=14 + 20 + 2).wait(1)
    s.frame(out(f.ipv6(HOST6, WEB6, f.udp(40023, 4000, bytes(200)))), captured=14 + 40 + 8).wait(1)
    whole = out(f.ipv4(HOST, WEB, f.udp(40024, 4000, bytes(100))))
    for captured in (0, 10, 14 + 10):
        s.frame(whole, skip="truncated", captured=captured).wait(1)
    s.frame(out(f.ipv6(HOST6, WEB6, f.udp(40025, 4000))), skip="truncated", captured=14 + 39).wait(1)
    s.frame(out(f.Layer(b"\x55" + bytes(39), f.IPV4_TYPE)), skip="bad_ip_header").wait(1)
    s.frame(out(f.Layer(b"\x44" + bytes(39), f.IPV4_TYPE)), skip="bad_ip_header").wait(1)
    deep = f.ipv4(HOST, WEB, f.udp(40026, 4000))
    for _ in range(20):
        deep = f.vlan(deep, 5)
    s.frame(out(deep), skip="too_deep").wait(1)


def late(s):
    """Packets stamped before one that was captured earlier."""
    ping = f.ipv4(HOST, WEB, f.udp(40030, 4000, b"late"))
    pong = f.ipv4(WEB, HOST, f.udp(4000, 40030, b"late too"))
    s.frame(out(ping)).wait(200).frame(back(pong))
    s.frame(out(ping), nanos=s.now - 150 * 10**6).frame(back(pong), nanos=s.now - 100 * 10**6).wait(1)
    s.frame(out(ping))


def story():
    """Everything above, one after the other: shorter than a minute, so that no timeout divides a conversation."""
    s = everyday()
    for part in (wrapped, odd, cut, late):
        part(s.wait(500))
    return s


def timeouts():
    """Gaps and ages on both sides of the default timeouts (60 s of silence, 120 s of age), to the microsecond.

    Each record is named by hand, with the reason why it ended: this is the law, and not what some program made of it.
    """
    packets = []

    def sent(at, port, record, stamp=None):
        packets.append((at, port, record, stamp))

    sent("0", 41000, "exactly 60 s: first")
    sent("60", 41000, "exactly 60 s: second")
    sent("0.000001", 41001, "a microsecond less")
    sent("60", 41001, "a microsecond less")
    for start, record in ((0, "segment 0"), (120, "segment 1"), (240, "segment 2")):
        for step in range(0, 120 if start < 240 else 30, 30):
            sent(f"{start + step}.000002", 41002, record)
    sent("10.000003", 41003, "age just below 120 s")
    sent("65", 41003, "age just below 120 s")
    sent("120", 41003, "age just below 120 s")
    sent("130.000002", 41003, "age just below 120 s")
    sent("190.000001", 41004, "silent at the end")
    sent("190.000002", 41005, "alive at the end")
    # Captured after that, stamped 112 s, of a flow last heard of at 110 s: the clock says 80 s of silence.
    sent("100", 41006, "before the late one")
    sent("110", 41006, "before the late one")
    sent("195", 41006, "the late one", stamp="112")
    sent("250.000001", 41007, "the last")

    s = Story()
    for at, port, record, stamp in sorted(packets, key=lambda packet: float(packet[0])):
        s.at(stamp or at).frame(out(f.ipv4(HOST, WEB, f.udp(port, 4000, b"tick"))), record=record)
    # The final clock is 250.000001 s: whoever was last heard of when it was 190.000001 s or less is silent.
    for record, reason in (
        ("exactly 60 s: first", 0),
        ("exactly 60 s: second", 0),
        ("a microsecond less", 0),
        ("age just below 120 s", 0),
        ("silent at the end", 0),
        ("alive at the end", 2),
        ("before the late one", 0),
        ("the late one", 2),
        ("the last", 2),
    ):
        s.ended(record, reason)
    s.ended("segment 0", 1, 0, "segment 0").ended("segment 1", 1, 1, "segment 0").ended("segment 2", 2, 2, "segment 0")
    return s


def simple(there, here):
    """Five short conversations for a link type: DNS, HTTP and ping over IPv4, DNS and a refusal over IPv6."""
    s = Story()
    look_up(s, f.ipv4, HOST, RESOLVER, 40001, "link.example.org", 1, WEB, there, here)
    fetch(s, Connection(f.ipv4, HOST, 50001, WEB, 80), there, here)
    s.frame(there(f.ipv4(HOST, WEB, f.icmp(8, 0, 1, b"ping")))).wait(9)
    s.frame(here(f.ipv4(WEB, HOST, f.icmp(0, 0, 1, b"ping")))).wait(9)
    look_up(s, f.ipv6, HOST6, RESOLVER6, 40002, "link.example.org", 28, WEB6, there, here)
    refused = Connection(f.ipv6, HOST6, 50006, WEB6, 443)
    s.frame(there(refused.client(f.SYN))).wait(10).frame(here(refused.server(f.RST | f.ACK)))
    return s
