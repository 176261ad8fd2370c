"""Capture files: pcap in its flavours, pcapng, and the two compressions, written byte by byte.

The same frames always give the same bytes, on every machine and with every version of Python; only what deflate makes
of them may differ.
"""

import struct
import zlib

PCAP_MAGICS = {"us": (0xA1B2C3D4, 10**6), "ns": (0xA1B23C4D, 10**9), "modified": (0xA1B2CD34, 10**6)}


def pcap(frames, link_type, flavour="us", order="<", snaplen=65535):
    """`frames`: (nanoseconds, captured bytes, length on the wire)."""
    magic, unit = PCAP_MAGICS[flavour]
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)]
    for nanos, data, wire_len in frames:
        ticks, rest = divmod(nanos, 10**9 // unit)
        assert rest == 0, "the stamp does not fit the resolution of the file"
        header = struct.pack(order + "IIII", ticks // unit, ticks % unit, len(data), wire_len)
        if flavour == "modified":
            # Alexey Kuznetsov's patch: interface index, protocol, packet type, padding.
            header += struct.pack(order + "IHBB", 2, 0x0800, 0, 0)
        out.append(header + data)
    return b"".join(out)


class Section:
    """A section of a pcapng file (draft-ietf-opsawg-pcapng)."""

    def __init__(self, order):
        self.order = order
        self.ticks = []
        self.blocks = [self.block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]

    def interface(self, link_type, resolution=None, offset_s=0, snaplen=65535):
        """`resolution`: the byte of if_tsresol; `offset_s`: if_tsoffset."""
        options = []
        if resolution is not None:
            options.append((9, bytes([resolution])))
        if offset_s:
            options.append((14, struct.pack(self.order + "q", offset_s)))
        code = 6 if resolution is None else resolution
        per_second = 2 ** (code & 0x7F) if code & 0x80 else 10**code
        self.ticks.append((per_second, offset_s))
        body = struct.pack(self.order + "HHI", link_type, 0, snaplen) + self.options(options)
        self.blocks.append(self.block(1, body))

    def packet(self, interface, nanos, data, wire_len):
        """An enhanced packet block."""
        per_second, offset_s = self.ticks[interface]
        ticks, rest = divmod((nanos - offset_s * 10**9) * per_second, 10**9)
        assert rest == 0, "the stamp does not fit the resolution of the interface"
        body = struct.pack(self.order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire_len)
        self.blocks.append(self.block(6, body + padded(data)))

    def block(self, kind, body):
        length = struct.pack(self.order + "I", 12 + len(body))
        return struct.pack(self.order + "I", kind) + length + body + length

    def other(self, kind, body):
        """A block that is none of a meter's business."""
        self.blocks.append(self.block(kind, padded(body)))

    def options(self, options):
        if not options:
            return b""
        out = [struct.pack(self.order + "HH", code, len(value)) + padded(value) for code, value in options]
        return b"".join(out) + bytes(4)

    def bytes(self):
        return b"".join(self.blocks)


def padded(data):
    return data + bytes(-len(data) % 4)


def gzip_members(data, size):
    """gzip (RFC 1952), in several members of `size` bytes each, as `cat a.gz b.gz` makes them."""
    out = []
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        out.append(b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + deflate.compress(piece) + deflate.flush())
        out.append(struct.pack("<II", zlib.crc32(piece), len(piece)))
    return b"".join(out)


def zstd_frames(data, size):
    """zstd (RFC 8878), in several frames of `size` bytes each, with raw blocks and a skippable frame between them."""
    out = []
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        # Single segment, content size in 4 bytes: no window descriptor, no dictionary, no checksum.
        out.append(struct.pack("<IBI", 0xFD2FB528, 0b1010_0000, len(piece)))
        for block in range(0, len(piece), 1000):
            part = piece[block : block + 1000]
            last = block + 1000 >= len(piece)
            out.append(struct.pack("<I", len(part) << 3 | last)[:3] + part)
        out.append(struct.pack("<II", 0x184D2A50, 4) + b"skip")
    return b"".join(out)
