#!/usr/bin/env python3
"""Writes captures to standard output as one that never ends, with stamps that go on: endless.py CAPTURE ...

Ethernet in classic pcap is taken; what else there is, is left out. Silences are cut to 20 seconds. Ends with
its reader, or when it is told to (SIGTERM), between two frames.
"""

import os
import signal
import struct
import sys

MAGICS = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
ETHERNET = 1
LONGEST_SILENCE_NS = 20 * 10**9
BEGINNING_NS = 1_700_000_000 * 10**9
SECOND_NS = 10**9


def read(path):
    """(nanoseconds since the frame before, wire length, bytes) of every frame; nothing of what is not taken here."""
    with open(path, "rb") as file:
        data = file.read()
    for order in "<>":
        magic, _, _, _, _, _, link = struct.unpack_from(order + "IHHiIII", data.ljust(24, b"\0"))
        if magic in MAGICS and link & 0xFFFF == ETHERNET:
            break
    else:
        return
    at, before = 24, None
    while at + 16 <= len(data):
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", data, at)
        stamp = seconds * SECOND_NS + fraction * MAGICS[magic]
        if captured > 262_144 or at + 16 + captured > len(data):
            return
        silence = 0 if before is None else min(max(stamp - before, 0), LONGEST_SILENCE_NS)
        yield silence, wire, data[at + 16:at + 16 + captured]
        at, before = at + 16 + captured, stamp


def endless(captures):
    yield struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, ETHERNET)
    now, part = BEGINNING_NS, bytearray()
    while True:
        for frames in captures:
            now += SECOND_NS
            for silence, wire, frame in frames:
                now += silence
                part += struct.pack("<IIII", now // SECOND_NS, now % SECOND_NS, len(frame), wire)
                part += frame
                if len(part) > 1 << 18:
                    yield part
                    part = bytearray()


def main():
    captures = [frames for path in sys.argv[1:] if (frames := list(read(path)))]
    if not captures:
        sys.exit("endless.py: none of these is Ethernet in classic pcap")
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    try:
        for part in endless(captures):
            if told:
                return
            while part:
                part = part[os.write(1, part):]
    except BrokenPipeError:
        pass


if __name__ == "__main__":
    main()
