"""What notebooks show of streamers, flows and tables: well-formed HTML, out of whose cells no text escapes."""

from __future__ import annotations

import re
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from captures import HOSTILE, A, B, Story, conversations

import flowgauge
from flowgauge import Streamer, _text, packet

TAGS = {"div", "table", "caption", "b", "thead", "tbody", "tr", "th", "td", "br", "small", "span"}


class Page(HTMLParser):
    """The texts of all cells, row by row, of HTML that must be well-formed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.captions: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        assert all(name in ("style", "colspan") for name, _ in attributes), attributes
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "caption":
            self.captions.append("")
        if tag == "br":
            self.handle_data("\n")
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "caption" in self.open:
            self.captions[-1] += data
        else:
            assert "td" in self.open or "th" in self.open, data
            self.rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment  # type: ignore[assignment]

    def pairs(self) -> dict[str, str]:
        return {row[0]: row[1] for row in self.rows if len(row) == 2}


def page(shown: Any) -> Page:
    return Page(shown._repr_html_())


def seen(text: str, most: int = 120) -> str:
    """What should be read of a text in a cell."""
    text = text if len(text) <= most else text[: most - 1] + "…"
    return re.sub("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028]", escaped, text)


def escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def test_a_flow_is_a_table_of_its_columns_with_metrics_first() -> None:
    (flow,) = Streamer(Story().udp(0, A, B).udp(1.5, B, A, sport=2000, dport=1000).pcap(), user_metrics={"n": packet.size.sum()})
    shown = page(flow)
    names = [row[0] for row in shown.rows]
    assert names == ["n", *(column.name for column in flowgauge.columns() if hasattr(flow, column.name))]
    pairs = shown.pairs()
    assert (pairs["n"], pairs["pkts"], pairs["ip_src"], pairs["vlan_id"]) == (str(flow.metrics["n"]), "2", A, "None")
    assert pairs["start_time"] == "2023-11-14 22:13:20.000000000" and pairs["duration"] == "1.500000000 s"
    assert shown.captions == [f"Flow 1: {A} port 1000 to {B} port 2000, protocol 17"]


@pytest.mark.parametrize("text", [*HOSTILE, "\0", "</td><td>", "&lt;", "<!--", "]]>", "\u2028", "a\nb", "\udcff"], ids=ascii)
def test_no_text_leaks_out_of_its_cell(text: str) -> None:
    # No str that the library takes has a lone surrogate; names of files may.
    known = text.replace("\udcff", "lone")
    streamer = Streamer(Story().udp(0, A, B).pcap(), user_metrics={"m": lambda _, flow: flow.metrics.update(m=known)})
    (flow,) = streamer
    table = streamer.collect()
    assert page(flow).pairs()["m"] == seen(known)
    assert page(table).rows[1][-1] == seen(known, 48)
    assert len({len(row) for row in page(table).rows}) == 1
    named = Streamer(text + ".pcap", user_metrics={known: packet.size.sum()}, bpf_filter=known)
    pairs = page(named).pairs()
    assert pairs["bpf_filter"] == seen(known) and pairs[seen(f"user_metrics[{known!r}]")] == str(packet.size.sum())
    assert pairs["source"] == seen(text + ".pcap").replace("\udcff", "\\udcff")


def test_every_character_that_is_not_seen_or_turns_others_is_escaped() -> None:
    # Signs of some scripts that stand before a number or a word, and are seen (Prepended_Concatenation_Mark).
    are_seen = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    # No letters, though Unicode calls them so: fillers of Hangul, and vowels of Khmer that nobody sees; and marks that the
    # tables of an older Python do not know yet.
    are_not = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x13430, 0x13440)}
    for code in range(sys.maxunicode + 1):
        harmful = unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        # Tags, and what is kept free for more of them, are not seen either.
        harmful = code in are_not or 0xE0000 <= code < 0xE1000 or 0x2060 <= code < 0x2070 or (harmful and code not in are_seen)
        text = _text.shown(chr(code), 2)
        assert (text != chr(code)) == harmful, hex(code)
        assert not harmful or text.encode("ascii").decode("unicode_escape") == chr(code)


def test_nothing_has_a_colour_of_its_own() -> None:
    streamer = Streamer(Story().udp(0, A, B).pcap())
    for shown in (streamer, *streamer, streamer.collect()):
        assert not re.search("color|background|#[0-9a-f]{3}|<font", shown._repr_html_())


def test_a_streamer_shows_its_source_and_only_what_was_chosen(tmp_path: Path) -> None:
    assert page(Streamer("trace.pcap")).pairs() == {"source": "trace.pcap"}
    assert page(Streamer(tmp_path / "a.pcap")).pairs() == {"source": str(tmp_path / "a.pcap")}
    assert page(Streamer(b"1234")).pairs() == {"source": "4 bytes"}
    assert page(Streamer([f"{n}.pcap" for n in range(12)])).pairs()["source"].splitlines()[8:] == [
        "8.pcap", "9.pcap", "and 2 files more",
    ]  # fmt: skip
    def count(_: object, flow: Any) -> None: ...

    streamer = Streamer(
        "x", active_timeout=None, splt=5, user_metrics={"big": packet.size.max(), "n": count}, keep_flows="flow.pkts > 1"
    )
    pairs = page(streamer).pairs()
    assert (pairs["active_timeout"], pairs["splt"], pairs["keep_flows"]) == ("None", "5", "flow.pkts > 1")
    assert pairs["user_metrics['big']"] == str(packet.size.max()) and pairs["user_metrics['n']"].endswith("count")
    assert len(pairs) == 6


def test_a_streamer_that_ran_shows_its_ledger() -> None:
    streamer = Streamer(Story().udp(0, A, B).raw(1, b"\xff" * 60).udp(100, A, B).pcap())
    assert page(streamer).captions == ["Streamer"]
    list(streamer)
    shown = page(streamer)
    assert shown.captions == ["Streamer", "Report"]
    pairs = shown.pairs()
    assert (pairs["frames_read"], pairs["packets"]) == ("3", "2")
    assert pairs["skipped"] == "not_ip: 1" and pairs["records"] == "flush: 1\ninactive: 1"
    assert "evicted" not in pairs
    flows = iter(Streamer(conversations(3000)))
    next(flows)
    running = Streamer(conversations(3000))
    iterator = iter(running)
    next(iterator)
    assert page(running).captions == ["Streamer", "Report (not complete)"]


def test_a_table_shows_its_ends_and_its_types() -> None:
    streamer = Streamer(conversations(30))
    table = streamer.collect(["flow_id", "ip_src", "start_time", "duration", "vlan_id", "application_name"])
    shown = page(table)
    assert shown.captions == ["FlowTable: 30 flows, 6 columns"]
    assert shown.rows[0] == [
        "", "flow_id\nuint64", "ip_src\ntext", "start_time\ntime", "duration\nduration", "vlan_id\nuint16",
        "application_name\ntext",
    ]  # fmt: skip
    assert [row[0] for row in shown.rows[1:]] == ["0", "1", "2", "3", "4", "⋮", "25", "26", "27", "28", "29"]
    flows = {flow.flow_id: flow for flow in streamer}
    for row in shown.rows[1:]:
        if row[0] != "⋮":
            flow = flows[int(row[1])]
            assert (row[2], row[5], row[6]) == (flow.ip_src, "None", flow.application_name)
            assert row[3].endswith(f".{flow.start_time_ns % 10**9:09}") and row[4] == f"0.{flow.duration_ns:09} s"


def test_a_table_of_nothing_has_its_columns() -> None:
    table = Streamer(Story().pcap()).collect(["pkts"])
    assert page(table).rows == [["", "pkts\nuint64"]]
    assert page(table).captions == ["FlowTable: 0 flows, 1 column"]
    assert page(table.select([])).rows == [[""]]


def test_a_table_shows_values_of_any_type() -> None:
    values = iter([1, "<b>", [1, "x"], None, b"\0", 2.5])

    def one_of(_: object, flow: Any) -> None:
        if flow.pkts == 1:
            flow.metrics["m"] = next(values)

    streamer = Streamer(conversations(6), splt=2, user_metrics={"m": one_of})
    rows = page(streamer.collect(["m", "splt_size"])).rows[1:]
    assert {row[1] for row in rows} >= {"1", "<b>", "[1, 'x']"}
    assert all(row[2].startswith("[") for row in rows)


def test_times_beyond_the_calendar_are_told_in_nanoseconds() -> None:
    from flowgauge import _html

    assert _html._cell(2**63 - 1, "time") == "2262-04-11 23:47:16.854775807"
    assert _html._cell(-1, "time") == "1969-12-31 23:59:59.999999999"
    assert _html._cell(-1_500_000_000, "duration") == "-1.500000000 s"
    assert _html._cell(10**21, "time") == f"{10**21} ns"
