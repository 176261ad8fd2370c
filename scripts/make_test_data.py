#!/usr/bin/env python3
"""Writes the generated captures of tests/data, each with what a meter should make of it.

    make_test_data.py DIR            writes them
    make_test_data.py --check DIR    only compares; ends with 1 when a file differs

Standard library only, Python 3.10 or later. NAME.pcap comes with NAME.expected.json: the ledger and every record that a
meter with the default options should report, known from how the frames were built.
"""

import gzip
import json
import pathlib
import sys

from testdata import files, stories
from testdata import frames as f

ETHERNET, NULL, RAW, LOOP, COOKED, COOKED2 = 1, 0, 101, 108, 113, 276


def captures():
    """(name, bytes of the file, what is expected) of each."""
    story = stories.story()
    plain = files.pcap(story.records(), ETHERNET)
    yield "story.pcap", plain, story.expected()
    yield "story.pcap.gz", files.gzip_members(plain, 7000), None
    yield "story.pcap.zst", files.zstd_frames(plain, 7000), None

    timeouts = stories.timeouts()
    yield "timeouts.pcap", files.pcap(timeouts.records(), ETHERNET), timeouts.expected()

    host, gateway = stories.HOST_MAC, stories.GATEWAY_MAC
    plainly = stories.simple(stories.out, stories.back)
    yield "modified.pcap", files.pcap(plainly.records(), ETHERNET, "modified"), plainly.expected()
    cooked = stories.simple(lambda p: f.cooked(p, host, True), lambda p: f.cooked(p, gateway, False))
    yield "cooked.pcap", files.pcap(cooked.records(), COOKED), cooked.expected()
    cooked2 = stories.simple(lambda p: f.cooked2(p, host, True), lambda p: f.cooked2(p, gateway, False))
    yield "cooked2.pcap", files.pcap(cooked2.records(), COOKED2, "ns"), cooked2.expected()
    null = stories.simple(lambda p: f.family(p, "<"), lambda p: f.family(p, "<", 24))
    yield "null.pcap", files.pcap(null.records(), NULL), null.expected()
    loop = stories.simple(lambda p: f.family(p, ">"), lambda p: f.family(p, ">", 28))
    yield "loop.pcap", files.pcap(loop.records(), LOOP, "us", ">"), loop.expected()
    raw = stories.simple(f.bare, f.bare)
    yield "raw.pcap", files.pcap(raw.records(), RAW, "ns", ">"), raw.expected()

    mixed, frames = mixed_pcapng()
    yield "mixed.pcapng", mixed, frames.expected()
    yield from damaged(stories.everyday().first(12))


def mixed_pcapng():
    """Two sections of different byte order, interfaces of different link types and resolutions, blocks to pass over."""
    story = stories.simple(f.bare, f.bare)
    whole = stories.Story()
    first, second = files.Section("<"), files.Section(">")
    first.interface(ETHERNET)
    first.interface(RAW, resolution=9)
    second.interface(COOKED, resolution=0x80 | 10)  # 1,024 ticks a second
    second.interface(ETHERNET, resolution=3, offset_s=1_700_000_000)
    first.other(4, bytes(4))  # name resolution
    first.other(0x0BAD, b"\0\0\x7f\x5dnobody's business")  # custom

    for number, frame in enumerate(story.frames):
        layer = f.Layer(frame.data, f.IPV6_TYPE if frame.facts.ip_version == 6 else f.IPV4_TYPE, frame.facts)
        section = first if number < 9 else second
        interface = number % 2
        nanos = frame.nanos
        if section is first:
            layer = stories.out(layer) if interface == 0 else f.bare(layer)
            nanos += 0 if interface == 0 else number  # single nanoseconds
        elif interface == 0:
            layer = f.cooked(layer, stories.HOST_MAC, True)
            nanos += -nanos % (10**9 // 2**9)  # what 512 ticks a second can tell exactly
        else:
            layer = stories.back(layer)
        section.packet(interface, nanos, layer.data, len(layer.data))
        whole.frame(layer, nanos=nanos)
    first.other(5, bytes(12))  # interface statistics
    return first.bytes() + second.bytes(), whole


def damaged(story):
    """Captures that end badly: every frame before the damage counts, then comes one error that names the place."""
    whole = files.pcap(story.records(), ETHERNET)
    last = len(whole) - 16 - len(story.frames[-1].data)

    def expected(offset):
        return story.first(11).expected() | {"damage": {"frame": 12, "offset": offset}}

    yield "cut_in_packet.pcap", whole[:-7], expected(last)
    yield "cut_in_header.pcap", whole[: last + 9], expected(last)
    absurd = whole[: last + 8] + b"\xff\xff\xff\x7f" + whole[last + 12 :]
    yield "absurd_length.pcap", absurd, expected(last)

    section = files.Section("<")
    section.interface(ETHERNET)
    for frame in story.frames:
        section.packet(0, frame.nanos, frame.data, frame.wire_len)
    blocks = section.bytes()
    yield "cut_in_block.pcapng", blocks[:-7], expected(len(blocks) - len(section.blocks[-1]))


def same(path, content):
    """Whether the file holds this; of gzip only what is inside, since deflate may be written in many ways."""
    if not path.exists():
        return False
    found = path.read_bytes()
    return gzip.decompress(found) == gzip.decompress(content) if path.suffix == ".gz" else found == content


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    folder, differing = pathlib.Path(arguments[0]), []
    for name, content, expectation in captures():
        wanted = {folder / name: content}
        if expectation is not None:
            text = json.dumps({"capture": name} | expectation, indent=1) + "\n"
            wanted[folder / (name.split(".")[0] + ".expected.json")] = text.encode()
        for path, data in wanted.items():
            if "--check" not in sys.argv:
                path.write_bytes(data)
            elif not same(path, data):
                differing.append(str(path))
    if differing:
        sys.exit("not what the generator makes (make data writes them again): " + ", ".join(differing))


main()
