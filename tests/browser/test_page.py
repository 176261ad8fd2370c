"""What a reader of the page sees: it loads, updates, filters, tells what is lost, and comes back with its hub."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from feed import PUBLISH, SUBSCRIBE, Hub, Sensor

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
HOSTILE = "<img src=x onerror=alert(1)>\u202egpj.exe\u0007"


def table(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=f"Table of {name}").locator("tbody tr")


def loss(page: Page, what: str) -> Locator:
    """The number beside a loss."""
    return page.locator("#loss-table tr", has_text=what).locator("td.number")


def live(page: Page) -> None:
    expect(page.get_by_role("status")).to_contain_text("Live")


def feed(sensor: Sensor) -> None:
    sensor.count(1000, 500_000)
    sensor.status()
    sensor.settle(sensor.flow())


def test_it_loads_without_an_error_and_updates(page: Page, hub: Hub) -> None:
    live(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("flowgauge bench")
    with hub.sensor() as lab:
        feed(lab)
        row = ["lab", "192.0.2.10", "40001", "198.51.100.53", "53", "UDP", "DNS", "", "2", "166", "8 ms"]
        expect(table(page, "flows").first.locator("td")).to_have_text(row)
        expect(table(page, "top talkers")).to_contain_text(["192.0.2.10", "198.51.100.53"])
        expect(table(page, "applications").first).to_have_text(re.compile("DNS.*166 B"))
        expect(table(page, "sensors")).to_have_text(re.compile("lab ?Well.*eth0.*1 h 1 min"))
        for _ in range(3):
            time.sleep(1)
            lab.settle(lab.count(1000, 500_000))
        # 1,000 packets an interval of a second, over the seconds that are told; a line is drawn of them.
        words = page.locator("#packets-chart .words")
        expect(words).to_have_text(re.compile(r"Last (9\d\d|1(\.\d\d?)? k), mean"))
        expect(page.locator("#bits-chart .words")).to_have_text(re.compile(r"Last (3\.\d+|4(\.\d\d?)?) Mbit/s"))
        expect(page.locator("#flows-chart .words")).to_have_text(re.compile(r"highest 1\."))
    assert page.locator("#packets-chart canvas").evaluate(INK) > 100
    page.get_by_label("Sensor", exact=True).select_option("lab")
    expect(words).to_have_text(re.compile("Last "))


def test_records_are_read_as_flowgauge_writes_them(page: Page, hub: Hub) -> None:
    """Those of the golden files, with every column there is."""
    live(page)
    # The last line is the ledger of the run.
    lines = (GOLDEN / "http.pcap.jsonl").read_text(encoding="utf-8").splitlines()[:-1]
    records = [json.loads(line) for line in lines]
    with hub.sensor() as lab:
        lab.settle([lab.send("flow.record", record, "flow") for record in reversed(records)][-1])
    expect(table(page, "flows")).to_have_count(len(records))
    first = ["lab", "192.0.2.10", "42275", "198.51.100.80", "80", "TCP", "HTTP", "www.example.org", "17", "2,797", "52 ms"]
    expect(table(page, "flows").first.locator("td")).to_have_text(first)
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
        pause.click()
        expect(table(page, "flows")).to_contain_text(["192.0.2.2", "192.0.2.1"])


def test_a_hostile_name_is_text(page: Page, hub: Hub) -> None:
    live(page)
    shown = "<img src=x onerror=alert(1)>‹U+202E›gpj.exe‹U+0007›"
    with hub.sensor() as lab:
        lab.flow(application_name=HOSTILE, requested_server_name=HOSTILE, ip_src=HOSTILE)
        lab.status(source=HOSTILE, lost={HOSTILE: 1}, processors=[{"errors": 1, "last_error": HOSTILE}])
        lab.settle(lab.send("dns.lookup", {"name": HOSTILE, "type": "A", "client": "c", "resolver": "r"}))
    with hub.sensor("\u202e<b>lab</b>") as other:
        other.settle(other.count(1, 1, **{HOSTILE: 1}))
    expect(table(page, "flows").get_by_text(shown)).to_have_count(3)
    expect(table(page, "other messages")).to_contain_text([f"c asks r for A {shown}"])
    expect(table(page, "sensors")).to_contain_text([shown, "‹U+202E›<b>lab</b>"])
    expect(page.locator("#sensor option", has_text="‹U+202E›<b>lab</b>")).to_have_count(1)
    assert page.locator("main img, main b").count() == 0


def test_payloads_that_are_not_what_they_should_be_are_counted_and_harm_nothing(page: Page, hub: Hub) -> None:
    live(page)
    with hub.sensor() as lab:
        for payload in (None, 7, [], {}, {"ip_src": 1, "ip_dst": {}}, "\u202e", {"interval": "x", "packets": -1}):
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
        lab.settle(lab.count(5, 500, dropped=4, malformed=2))
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
    # A page whose thread is taken reads nothing; what is on its way between is of some megabytes.
    page.evaluate("setTimeout(() => { const until = Date.now() + 3000; while (Date.now() < until); }, 0)")
    with hub.sensor() as lab:
        filler = "x" * 100_000
        lab.settle([lab.send("filler", filler) for _ in range(400)][-1])
    number = loss(page, "because the page was too slow")
    expect(number).not_to_have_text("0")
    expect(page.locator("#loss-note")).to_contain_text("This page is incomplete.")
    # What it got and what was dropped are all.
    page.locator("#messages-filter").fill("topic:filler")
    expect(page.locator("#messages-note")).to_contain_text("of ")
    got = int(re.findall(r"[\d,]+ shown of ([\d,]+)", page.locator("#messages-note").inner_text())[0].replace(",", ""))
    assert 0 < got < 400
    assert got + int(number.inner_text().replace(",", "")) >= 400


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


def test_a_connection_that_broke_goes_on_where_it_ended(browser: Browser, hub: Hub) -> None:
    """The hub stays, and its history has what came in between."""
    page = browser.new_page()
    sockets = []
    page.route_web_socket("**/subscribe", lambda socket: sockets.append(socket.connect_to_server() and socket))
    page.goto(hub.url)
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
    page.close()


def test_a_sensor_that_says_nothing_for_three_intervals_is_silent(browser: Browser, hub: Hub) -> None:
    page = browser.new_page()
    page.clock.install()
    page.goto(hub.url)
    live(page)
    with hub.sensor() as lab:
        lab.settle(lab.count(1, 60, interval=10.0))
        page.clock.run_for(29_000)
        expect(table(page, "sensors")).to_contain_text(["Well"])
        page.clock.run_for(3_000)
        expect(table(page, "sensors")).to_contain_text(["Silent"])
    page.close()


def test_a_hub_with_tokens_asks_for_one(browser: Browser, hub: Hub) -> None:
    hub.with_tokens()
    page = browser.new_page()
    page.goto(hub.url)
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
    # It is nowhere but in memory: a page that is loaded again asks again.
    assert SUBSCRIBE not in page.url
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert SUBSCRIBE not in kept
    page.reload()
    expect(token).to_be_focused()
    # It outlives a hub that is started again, though.
    token.fill(SUBSCRIBE)
    token.press("Enter")
    live(page)
    hub.kill()
    hub.start()
    expect(page.locator("#state-note")).to_contain_text("Back after")
    page.close()


# Pixels of a canvas that something is drawn on.
INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  for (let at = 3; at < data.length; at += 4) ink += data[at] > 0;
  return ink;
}"""
