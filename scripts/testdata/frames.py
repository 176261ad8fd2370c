"""Frames, built from the inside out, that remember what they are made of.

An IP packet is made with the facts of its conversation (`Facts`); whatever is put around it carries them along. What a
meter should say of a frame is so known from how it was built, and never read back from its bytes.
"""

import dataclasses
import socket
import struct

ICMP, IGMP, IPIP, TCP, UDP, IPV6, ESP, ICMPV6, SCTP = 1, 2, 4, 6, 17, 41, 50, 58, 132

IPV4_TYPE, ARP_TYPE, VLAN_TYPE, IPV6_TYPE = 0x0800, 0x0806, 0x8100, 0x86DD
MPLS_TYPE, PPPOE_DISCOVERY_TYPE, PPPOE_TYPE, QINQ_TYPE, LLDP_TYPE = 0x8847, 0x8863, 0x8864, 0x88A8, 0x88CC

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is true of one packet of a conversation; lengths in bytes, `None` where the capture cannot tell."""

    src: str
    dst: str
    protocol: int
    src_port: int
    dst_port: int
    ip_bytes: int
    transport_bytes: int
    payload_bytes: int | None
    vlan_id: int = 0
    tunnel: str | None = None

    @property
    def ip_version(self):
        return 6 if ":" in self.src else 4


@dataclasses.dataclass(frozen=True)
class Layer:
    """Bytes of a frame from some header on, the EtherType that announces them, and the facts of the packet inside."""

    data: bytes
    ether_type: int
    facts: Facts | None = None

    def but(self, **changes):
        """The same bytes with other facts: what the capture around them cannot tell."""
        return dataclasses.replace(self, facts=dataclasses.replace(self.facts, **changes))


# --- transport: (protocol, bytes, source port, destination port, length of the header) --------------------------------


@dataclasses.dataclass(frozen=True)
class Transport:
    protocol: int
    data: bytes
    src_port: int = 0
    dst_port: int = 0
    header_len: int = 0


def udp(src_port, dst_port, payload=b""):
    header = struct.pack("!HHHH", src_port, dst_port, 8 + len(payload), 0)
    return Transport(UDP, header + payload, src_port, dst_port, 8)


def tcp(src_port, dst_port, flags, seq=0, ack=0, payload=b"", options=b""):
    length = 20 + len(options)
    header = struct.pack("!HHIIBBHHH", src_port, dst_port, seq, ack, length // 4 << 4, flags, 64240, 0, 0)
    return Transport(TCP, header + options + payload, src_port, dst_port, length)


def icmp(kind, code, rest, payload=b"", protocol=ICMP):
    return Transport(protocol, struct.pack("!BBHI", kind, code, 0, rest) + payload, header_len=8)


def sctp(src_port, dst_port, chunks):
    header = struct.pack("!HHI", src_port, dst_port, 0x5EED)
    checksum = struct.pack("<I", crc32c(header + bytes(4) + chunks))
    return Transport(SCTP, header + checksum + chunks, src_port, dst_port, 12)


def opaque(protocol, data):
    """A protocol whose header is nobody's business here: all of it is payload."""
    return Transport(protocol, data)


# --- IP ---------------------------------------------------------------------------------------------------------------


def ipv4(src, dst, transport, ident=1, options=b"", total_length=None):
    body = with_checksum(src, dst, transport)
    header = ipv4_header(src, dst, transport.protocol, len(body), ident, 0x4000, options, total_length)
    return Layer(header + body, IPV4_TYPE, facts_of(src, dst, transport, len(header), len(body)))


def ipv4_header(src, dst, protocol, body_len, ident, flags_and_offset, options=b"", total_length=None):
    length = 20 + len(options)
    total = length + body_len if total_length is None else total_length
    header = struct.pack("!BBHHHBBH", 0x40 | length // 4, 0, total, ident, flags_and_offset, 64, protocol, 0)
    header += address(src) + address(dst) + options
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:]


def ipv4_fragments(src, dst, transport, sizes, ident):
    """The packet in pieces; `sizes` are the bytes of each but the last, multiples of 8."""
    body, start, pieces = with_checksum(src, dst, transport), 0, []
    for size in [*sizes, None]:
        end = len(body) if size is None else start + size
        more = 0x2000 if end < len(body) else 0
        header = ipv4_header(src, dst, transport.protocol, end - start, ident, more | start // 8)
        facts = fragment_facts(src, dst, transport, len(header), end - start, start)
        pieces.append(Layer(header + body[start:end], IPV4_TYPE, facts))
        start = end
    return pieces


def ipv6(src, dst, transport, extensions=()):
    """`extensions`: (number, bytes of the extension header with its first byte, the next header, left out)."""
    body = with_checksum(src, dst, transport)
    chain = chain_of(extensions, transport.protocol)
    header = ipv6_header(src, dst, first_of(extensions, transport.protocol), len(chain) + len(body)) + chain
    return Layer(header + body, IPV6_TYPE, facts_of(src, dst, transport, len(header), len(body)))


def ipv6_header(src, dst, next_header, body_len):
    return struct.pack("!IHBB", 6 << 28, body_len, next_header, 64) + address(src) + address(dst)


def ipv6_fragments(src, dst, transport, sizes, ident):
    body, start, pieces = with_checksum(src, dst, transport), 0, []
    for size in [*sizes, None]:
        end = len(body) if size is None else start + size
        more = 1 if end < len(body) else 0
        header = ipv6_header(src, dst, 44, 8 + end - start)
        header += struct.pack("!BBHI", transport.protocol, 0, start | more, ident)
        facts = fragment_facts(src, dst, transport, len(header), end - start, start)
        pieces.append(Layer(header + body[start:end], IPV6_TYPE, facts))
        start = end
    return pieces


def chain_of(extensions, last):
    numbers = [number for number, _ in extensions][1:] + [last]
    return b"".join(bytes([following]) + body for following, (_, body) in zip(numbers, extensions))


def first_of(extensions, last):
    return extensions[0][0] if extensions else last


def within(src, dst, inner):
    """`inner` as the payload of an outer IPv4 packet: IP-in-IP or 6in4; the facts stay those of the inner one."""
    protocol = IPIP if inner.ether_type == IPV4_TYPE else IPV6
    return Layer(ipv4_header(src, dst, protocol, len(inner.data), 7, 0) + inner.data, IPV4_TYPE, inner.facts)


def gtpu(src, dst, teid, inner, extension=b""):
    """`inner` in GTP-U version 1; `extension`: type and contents of one extension header."""
    optional = b"" if not extension else struct.pack("!HBB", 0, 0, extension[0]) + extension[1:] + b"\0"
    flags = 0x34 if extension else 0x30
    header = struct.pack("!BBHI", flags, 0xFF, len(optional) + len(inner.data), teid) + optional
    outer = ipv4(src, dst, udp(2152, 2152, header + inner.data))
    return Layer(outer.data, IPV4_TYPE, dataclasses.replace(inner.facts, tunnel="gtp-u"))


def facts_of(src, dst, transport, header_len, body_len):
    payload = len(transport.data) - transport.header_len
    ports = transport.src_port, transport.dst_port
    return Facts(src, dst, transport.protocol, *ports, header_len + body_len, body_len, payload)


def fragment_facts(src, dst, transport, header_len, body_len, start):
    """Only the first piece has a transport header; all that the others carry is payload."""
    payload = body_len if start else body_len - transport.header_len
    ports = transport.src_port, transport.dst_port
    return Facts(src, dst, transport.protocol, *ports, header_len + body_len, body_len, payload)


# --- between link and IP ----------------------------------------------------------------------------------------------


def vlan(inner, vlan_id, ether_type=VLAN_TYPE):
    facts = inner.facts
    if facts is not None and facts.vlan_id == 0:
        facts = dataclasses.replace(facts, vlan_id=vlan_id)
    return Layer(struct.pack("!HH", vlan_id, inner.ether_type) + inner.data, ether_type, facts)


def mpls(inner, *labels):
    stack = b"".join(struct.pack("!I", label << 12 | (label == labels[-1]) << 8 | 64) for label in labels)
    return Layer(stack + inner.data, MPLS_TYPE, inner.facts)


def pppoe(inner, session=0x2A):
    protocol = {IPV4_TYPE: 0x0021, IPV6_TYPE: 0x0057}.get(inner.ether_type, inner.ether_type)
    header = struct.pack("!BBHHH", 0x11, 0, session, 2 + len(inner.data), protocol)
    return Layer(header + inner.data, PPPOE_TYPE, inner.facts)


def snap(inner):
    """LLC and SNAP: the length stands where the EtherType would."""
    data = b"\xaa\xaa\x03\x00\x00\x00" + struct.pack("!H", inner.ether_type) + inner.data
    return Layer(data, len(data), inner.facts)


# --- link -------------------------------------------------------------------------------------------------------------


def ethernet(inner, src, dst, pad=True):
    data = mac(dst) + mac(src) + struct.pack("!H", inner.ether_type) + inner.data
    return Layer(data.ljust(60, b"\0") if pad else data, 0, inner.facts)


def cooked(inner, src, sent):
    """Linux cooked capture v1 (LINKTYPE_LINUX_SLL, 113)."""
    header = struct.pack("!HHH", 4 if sent else 0, 1, 6) + mac(src) + bytes(2) + struct.pack("!H", inner.ether_type)
    return Layer(header + inner.data, 0, inner.facts)


def cooked2(inner, src, sent):
    """Linux cooked capture v2 (LINKTYPE_LINUX_SLL2, 276)."""
    header = struct.pack("!HHIHBB", inner.ether_type, 0, 2, 1, 4 if sent else 0, 6) + mac(src) + bytes(2)
    return Layer(header + inner.data, 0, inner.facts)


def family(inner, order, ipv6_family=30):
    """BSD loopback: LINKTYPE_NULL in the order of the host, LINKTYPE_LOOP in that of the network."""
    number = 2 if inner.ether_type == IPV4_TYPE else ipv6_family
    return Layer(struct.pack(order + "I", number) + inner.data, 0, inner.facts)


def bare(inner):
    """No link header at all (LINKTYPE_RAW, 101)."""
    return Layer(inner.data, 0, inner.facts)


# --- numbers ----------------------------------------------------------------------------------------------------------


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def internet_checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    if len(data) % 2:
        total += data[-1] << 8
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def with_checksum(src, dst, transport):
    """The bytes of the transport packet with its checksum over the pseudo header (for ICMP and IGMP without one)."""
    data, protocol = transport.data, transport.protocol
    place = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2, IGMP: 2}.get(protocol)
    if place is None:
        return data
    pseudo = b"" if protocol in (ICMP, IGMP) else address(src) + address(dst) + struct.pack("!II", len(data), protocol)
    checksum = internet_checksum(pseudo + data)
    if protocol == UDP and checksum == 0:
        checksum = 0xFFFF
    return data[:place] + struct.pack("!H", checksum) + data[place + 2 :]


def crc32c(data):
    """The checksum of SCTP (RFC 9260, appendix A)."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF
