"""What a reader of the page sees: it loads, updates, filters, tells what is lost, and comes back with its hub."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from feed import PUBLISH, SUBSCRIBE, Hub
from pages import OpenPage, live, loss, number, table
from playwright.sync_api import Page, WebSocketRoute, expect

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
HOSTILE = "<img src=x onerror=alert(1)>\u202egpj.exe\u0007"


def test_it_loads_without_an_error_and_updates(page: Page, hub: Hub) -> None:
    live(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("flowgauge bench")
    with hub.sensor() as lab:
        lab.status()
        # A thousand packets of 500 bytes in each of the last seconds.
        present = time.time()
        for back in range(9, -1, -1):
            lab.count(1000, 500_000, at=present - back)
        lab.settle(lab.flow())
    row = ["lab", "192.0.2.10", "40001", "198.51.100.53", "53", "UDP", "DNS", "", "2", "166", "8 ms"]
    expect(table(page, "flows").first.locator("td")).to_have_text(row)
    expect(table(page, "top talkers")).to_contain_text(["192.0.2.10", "198.51.100.53"])
    expect(table(page, "applications").first).to_have_text(re.compile("DNS.*166 B"))
    expect(table(page, "sensors")).to_have_text(re.compile("lab ?Well.*eth0.*1 h 1 min"))
    for _ in range(2):
        expect(page.locator("#packets-chart .words")).to_contain_text("Last 1 k")
        expect(page.locator("#packets-chart .words")).to_contain_text("mean 1 k, highest 1 k.")
        expect(page.locator("#bits-chart .words")).to_contain_text("mean 4 Mbit/s, highest 4 Mbit/s.")
        expect(page.locator("#flows-chart .words")).to_contain_text("highest 1.")
        # There is no other, so that the sensor alone has the same.
        page.get_by_label("Sensor", exact=True).select_option("lab")
    assert page.locator("#packets-chart canvas").evaluate(INK) > 100


def test_records_are_read_as_flowgauge_writes_them(page: Page, hub: Hub) -> None:
    """Those of the golden files, with every column there is, and times as the command writes them, in milliseconds."""
    live(page)
    # The last line is the ledger of the run.
    lines = (GOLDEN / "http.pcap.jsonl").read_text(encoding="utf-8").splitlines()[:-1]
    records = [json.loads(line) for line in lines]
    for record in records:
        for column in ("start_time", "end_time"):
            record[column] //= 1_000_000
    with hub.sensor() as lab:
        lab.settle([lab.send("flow.record", record, "flow") for record in reversed(records)][-1])
    expect(table(page, "flows")).to_have_count(len(records))
    first = ["lab", "192.0.2.10", "42275", "198.51.100.80", "80", "TCP", "HTTP", "www.example.org", "17", "2,797"]
    expect(table(page, "flows").first.locator("td")).to_have_text([*first, "52 ms"])
    expect(loss(page, "not what their topic says")).to_have_text("0")


def test_a_sensor_of_ours_is_understood(page: Page, hub: Hub) -> None:
    command = ROOT / ".venv" / "bin" / "flowgauge"
    if not command.exists():
        pytest.skip("there is no command flowgauge in .venv: scripts/check python")
    live(page)
    capture = ROOT / "tests" / "data" / "dns.pcap"
    options = ["--hub", hub.url, "--name", "lab", "-r", str(capture)]
    subprocess.run([str(command), "sensor", *options], check=True, stderr=subprocess.DEVNULL, timeout=60)
    expect(table(page, "flows")).to_have_count(6)
    expect(table(page, "flows").first).to_contain_text("DNS")
    for cell in table(page, "flows").locator("td:last-child").all_inner_texts():
        assert re.fullmatch(r"0 s|[0-9.]+ ms", cell) and "0.0" not in cell, cell
    expect(table(page, "sensors")).to_have_text(re.compile("lab.*dns.pcap"))
    expect(table(page, "other messages").filter(has_text="dns.lookup")).to_have_count(6)
    expect(table(page, "other messages").filter(has_text="asks")).to_have_count(6)
    expect(loss(page, "not what their topic says")).to_have_text("0")


def test_a_filter_filters(page: Page, hub: Hub) -> None:
    live(page)
    with hub.sensor() as lab:
        lab.flow(ip_src="192.0.2.1", application_name="TLS", dst_port=443, src_to_dst_bytes=9000)
        lab.flow(ip_src="192.0.2.2", application_name="DNS", dst_port=53, requested_server_name="www.example.org")
        lab.settle(lab.flow(ip_src="2001:db8::1", application_name="HTTP", dst_port=4430))
    rows, words = table(page, "flows"), page.locator("#flows-filter")
    expect(rows).to_have_count(3)
    for typed, sources in [
        ("example.org", ["192.0.2.2"]),
        ("port:443", ["192.0.2.1"]),
        ("bytes:>1000", ["192.0.2.1"]),
        ("-application:dns", ["2001:db8::1", "192.0.2.1"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("ip_src:192 application:t", ["192.0.2.1"]),
        ("application:", ["2001:db8::1", "192.0.2.2", "192.0.2.1"]),
        ("nowhere", ["No flow to show."]),
        ("", ["2001:db8::1", "192.0.2.2", "192.0.2.1"]),
    ]:
        words.fill(typed)
        expect(rows).to_have_count(len(sources))
        expect(rows).to_contain_text(sources)


def test_a_table_can_be_held_still(page: Page, hub: Hub) -> None:
    live(page)
    pause = page.locator("#flows-pause")
    with hub.sensor() as lab:
        lab.settle(lab.flow(ip_src="192.0.2.1"))
        expect(table(page, "flows")).to_have_count(1)
        pause.click()
        expect(pause).to_have_attribute("aria-pressed", "true")
        lab.settle(lab.flow(ip_src="192.0.2.2"))
        expect(page.locator("#flows-note")).to_contain_text("paused: 1 came since")
        expect(table(page, "flows")).to_have_count(1)
        # Also when none of what is shown is among the last that are held.
        lab.settle([lab.flow() for _ in range(5000)][-1])
        expect(page.locator("#flows-note")).to_have_text("1 shown of 1 · paused: 5,001 came since.")
        expect(table(page, "flows")).to_contain_text(["192.0.2.1"])
        pause.click()
        expect(table(page, "flows")).to_have_count(200)
        expect(page.locator("#flows-note")).to_have_text("200 shown of 5,000 · 2 older ones let go.")


def test_a_hostile_name_is_text(page: Page, hub: Hub) -> None:
    live(page)
    shown = "<img src=x onerror=alert(1)>‹U+202E›gpj.exe‹U+0007›"
    with hub.sensor() as lab:
        lab.flow(application_name=HOSTILE, requested_server_name=HOSTILE, ip_src=HOSTILE)
        lab.status(source=HOSTILE, lost={HOSTILE: 1}, processors=[{"errors": 1, "last_error": HOSTILE}])
        lab.settle(lab.send("dns.lookup", {"name": HOSTILE, "type": "A", "client": "c", "resolver": "r"}))
    with hub.sensor("\u202e<b>lab</b>") as other:
        other.settle(other.count(1, 1, skipped={HOSTILE: 1}))
    expect(table(page, "flows").get_by_text(shown)).to_have_count(3)
    expect(table(page, "other messages")).to_contain_text([f"c asks r for A {shown}"])
    expect(table(page, "sensors")).to_contain_text([shown, "‹U+202E›<b>lab</b>"])
    expect(page.locator("#sensor option", has_text="‹U+202E›<b>lab</b>")).to_have_count(1)
    assert page.locator("main img, main b").count() == 0


def test_payloads_that_are_not_what_they_should_be_are_counted_and_harm_nothing(page: Page, hub: Hub) -> None:
    live(page)
    with hub.sensor() as lab:
        wrong: list[Any] = [None, 7, [], {}, {"ip_src": 1, "ip_dst": {}}, "\u202e", {"interval": "x", "packets": -1}]
        for payload in wrong:
            for topic in ("flow.record", "packets.count", "sensor.status"):
                lab.send(topic, payload)
        lab.count(10**15, 10**15, interval=1e9)
        lab.send("sensor.status", {"made": 1, "processors": [None, 3], "lost": [1], "source": 9})
        lab.send("deep", json.loads("[" * 100 + "]" * 100))
        lab.settle(lab.flow(start_time="x", src_port=-1, src_to_dst_bytes=1e300, application_name=None))
    expect(loss(page, "not what their topic says")).to_have_text("21")
    expect(page.locator("#loss-note")).to_contain_text("This page is incomplete.")
    expect(table(page, "flows")).to_have_count(1)


def test_loss_is_told_with_its_name(page: Page, hub: Hub) -> None:
    live(page)
    expect(page.locator("#loss-note")).to_have_text("This page has all that the hub offered it.")
    expect(loss(page, "packets that the kernel lost")).to_have_text("0")
    with hub.sensor() as lab:
        lab.count(5, 500, dropped=None)
        lab.settle(lab.status(lost={"spool_full": 3, "aged": 0}))
        expect(loss(page, "messages that they lost: lab (spool_full 3)")).to_have_text("3")
        expect(loss(page, "packets that the kernel lost")).to_have_text("not told")
        lab.settle(lab.count(5, 500, dropped=4, skipped={"malformed": 2}))
        expect(loss(page, "packets that the kernel lost: lab (4)")).to_have_text("4")
        expect(loss(page, "packets that they left out: lab (malformed 2)")).to_have_text("2")
        expect(table(page, "sensors")).to_contain_text(["Losing"])
        lab.settle(lab.send("system.status", {}), refused=1)
    expect(loss(page, "messages of sensors that it refused (reserved 1)")).to_have_text("1")


def test_what_a_page_was_too_slow_for_is_told(page: Page, hub: Hub) -> None:
    live(page)
    hub.end()
    hub.start(queue_messages=8)
    expect(page.locator("#state-note")).to_contain_text("Back after")
    # A page whose thread stands still reads nothing; what is on its way between is of some megabytes.
    browser = page.context.new_cdp_session(page)
    browser.send("Debugger.enable")
    browser.send("Debugger.pause")
    page.wait_for_timeout(1000)
    with hub.sensor() as lab:
        filler = "x" * 100_000
        lab.settle([lab.send("filler", filler) for _ in range(400)][-1])
    browser.send("Debugger.resume")
    browser.send("Debugger.disable")
    # What it got and what was dropped are all, the hub's own messages among the latter.
    page.locator("#messages-filter").fill("topic:filler")
    for _ in range(150):
        dropped = number(loss(page, "because the page was too slow"))
        got = number(page.locator("#messages-note"), "shown of ([0-9,]+)")
        if got + dropped >= 400:
            break
        page.wait_for_timeout(100)
    assert 0 < got < 400 <= got + dropped
    expect(page.locator("#loss-note")).to_contain_text("This page is incomplete.")


def test_it_comes_back_with_its_hub_and_says_so(page: Page, hub: Hub) -> None:
    live(page)
    with hub.sensor() as lab:
        lab.settle(lab.flow(ip_src="192.0.2.1"))
        expect(table(page, "flows")).to_have_count(1)
        hub.kill()
    expect(page.get_by_role("status")).to_contain_text("Reconnecting")
    expect(page.locator("#state-note")).to_contain_text("What is shown is old.")
    hub.start()
    with hub.sensor() as lab:
        lab.settle(lab.flow(ip_src="192.0.2.2"))
        live(page)
        # Another hub knows nothing of what the first one sent last; what it has itself comes whole.
        expect(page.locator("#state-note")).to_have_text(re.compile(r"Back after \d+ s: what .* may be missing\."))
        expect(loss(page, "reconnections with a gap")).to_have_text("1")
        expect(table(page, "flows")).to_contain_text(["192.0.2.2", "192.0.2.1"])
        lab.settle(lab.flow(ip_src="192.0.2.3"))
        expect(table(page, "flows")).to_contain_text(["192.0.2.3", "192.0.2.2", "192.0.2.1"])
    hub.end()
    expect(page.get_by_role("status")).to_contain_text("The hub ended, reconnecting")
    hub.start()
    live(page)


def test_a_connection_that_broke_goes_on_where_it_ended(open_page: OpenPage, hub: Hub) -> None:
    """The hub stays, and its history has what came in between."""
    sockets: list[WebSocketRoute] = []

    def route(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page = open_page(lambda page: page.route_web_socket("**/subscribe", route))
    live(page)
    with hub.sensor() as lab:
        lab.settle(lab.flow(ip_src="192.0.2.1"))
        expect(table(page, "flows")).to_have_count(1)
        sockets[0].close(code=4000, reason="broken by the test")
        lab.settle(lab.flow(ip_src="192.0.2.2"))
        expect(page.locator("#state-note")).to_have_text(re.compile(r"Back after \d+ s: nothing is missing\."))
        expect(table(page, "flows")).to_contain_text(["192.0.2.2", "192.0.2.1"])
        expect(table(page, "flows")).to_have_count(2)
    expect(loss(page, "reconnections with a gap")).to_have_text("0")
    assert len(sockets) == 2


def test_a_connection_that_is_mute_is_made_anew(open_page: OpenPage, hub: Hub) -> None:
    """As after a machine slept: the hub's own messages, twice a second, do not come, and nobody says that it ended."""
    mute = False

    def route(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if mute else socket.send(message))

    def before(page: Page) -> None:
        page.clock.install()
        page.route_web_socket("**/subscribe", route)

    page = open_page(before)
    live(page)
    expect(loss(page, "messages of sensors that it refused")).to_have_text("0")
    page.wait_for_timeout(1500)
    mute = True
    page.clock.run_for(30_000)
    expect(page.locator("#state-note")).to_contain_text("Because the hub says nothing")
    mute = False
    # A little at a time, so that the hub can answer before the page's time for that is over.
    note = page.locator("#state-note")
    for _ in range(60):
        if "nothing is missing" in note.inner_text():
            break
        page.clock.run_for(1_000)
        page.wait_for_timeout(100)
    expect(note).to_contain_text("nothing is missing")


def test_a_sensor_that_says_nothing_for_three_intervals_is_silent(open_page: OpenPage, hub: Hub) -> None:
    page = open_page(lambda page: page.clock.install())
    live(page)
    with hub.sensor() as lab:
        lab.settle(lab.count(1, 60, interval=10.0))
        expect(table(page, "sensors")).to_contain_text(["Well"])
        page.clock.run_for(25_000)
        expect(table(page, "sensors")).to_contain_text(["Well"])
        page.clock.run_for(6_000)
        expect(table(page, "sensors")).to_contain_text(["Silent"])


def test_a_hub_with_tokens_asks_for_one(open_page: OpenPage, hub: Hub) -> None:
    hub.with_tokens()
    page = open_page()
    token = page.get_by_label("A token that may subscribe")
    expect(token).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("A token is needed")
    for wrong in ("wrong", PUBLISH):
        token.fill(wrong)
        token.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("The hub refused this token")
        expect(token).to_have_value("")
    token.fill(SUBSCRIBE)
    page.get_by_role("button", name="Connect").click()
    live(page)
    expect(token).to_be_hidden()
    with hub.sensor(token=PUBLISH) as lab:
        lab.settle(lab.flow())
    expect(table(page, "flows")).to_have_count(1)
    # It outlives a hub that is started again, but not the page: it is nowhere but in memory.
    hub.kill()
    hub.start()
    expect(page.locator("#state-note")).to_contain_text("Back after")
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert SUBSCRIBE not in kept
    page.reload()
    expect(token).to_be_focused()


# Pixels of a canvas that something is drawn on.
INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  for (let at = 3; at < data.length; at += 4) ink += data[at] > 0;
  return ink;
}"""
