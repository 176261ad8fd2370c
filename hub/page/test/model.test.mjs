/** What needs a clock of its own, and what has many cases. */

import assert from "node:assert/strict";
import test from "node:test";

import { parseFilter } from "../src/filter.ts";
import { readFrame } from "../src/frames.ts";
import { Ring } from "../src/model/ring.ts";
import { Seconds } from "../src/model/seconds.ts";
import { Sensors, health, takeCount, takeStatus } from "../src/model/sensors.ts";
import { Sums } from "../src/model/sums.ts";
import { Traffic } from "../src/model/traffic.ts";
import { short, span, visible } from "../src/text.ts";

test("a filter takes words, columns, numbers and their opposites", () => {
  const columns = [{ names: ["source", "ip"] }, { names: ["port"] }, { names: ["application"] }];
  const row = ["192.0.2.1", 443, "TLS.Web Mail"];
  const passes = (words) => parseFilter(words, columns)?.(row) ?? "all";
  for (const words of ["192", "tls", "port:443", "port:>442", "port:<444", "ip:2.1 port:443", "-dns", '"web mail"', "443", "APPLICATION:tls", 'application:"web m"', "-port:80"]) {
    assert.equal(passes(words), true, words);
  }
  for (const words of ["dns", "port:44", "port:>443", "port:x", "-tls", "tls dns", '"mail web"', "-port:443", "other:192", "2001:db8::1"]) {
    assert.equal(passes(words), false, words);
  }
  for (const words of ["", "  ", "port:", "application:", "port:>", "-", '""']) assert.equal(passes(words), "all", words);
  assert.equal(parseFilter("port:443", columns)([null, null, null]), false);
  assert.equal(parseFilter("2001:db8::1", columns)(["2001:db8::1", 1, ""]), true);
});

test("a ring holds the last, the newest first", () => {
  const ring = new Ring(3);
  for (let number = 0; number < 5; number += 1) ring.push(number);
  assert.deepEqual([...ring.newest()], [4, 3, 2]);
  assert.equal(ring.pushed, 5);
});

test("an amount is spread over its seconds, and none of it is lost", () => {
  const seconds = new Seconds(10);
  seconds.spread(100.5, 103, 25);
  assert.deepEqual([99, 100, 101, 102, 103].map((second) => seconds.at(second)), [null, 5, 10, 10, null]);
  seconds.spread(103, 104, 1);
  seconds.spread(104, 1_000_104, 1_000_000);
  assert.equal(seconds.at(103), null);
  assert.equal(seconds.at(1_000_103), 1);
  // What is older than its place is let go.
  seconds.add(3, 7);
  assert.equal(seconds.at(3), null);
});

test("sums forget what is older than their span", () => {
  const sums = new Sums(60, 10, 2);
  sums.add(1000, "a", [5, 1]);
  sums.add(1030, "a", [2, 1]);
  sums.add(1030, "b", [3, 1]);
  assert.deepEqual(sums.top(1031, 9), [{ name: "a", amounts: [7, 2] }, { name: "b", amounts: [3, 1] }]);
  assert.deepEqual(sums.top(1060, 1), [{ name: "b", amounts: [3, 1] }]);
  assert.deepEqual(sums.top(1090, 9), []);
  assert.deepEqual(sums.told, { names: 0, others: null });
});

test("sums tell the largest apart, and lose nothing of the others", () => {
  const sums = new Sums(60, 10, 2);
  for (const [name, amount] of [["a", 1], ["b", 9], ["c", 2], ["d", 8], ["e", 3]]) sums.add(1000, name, [amount, 1]);
  assert.deepEqual(sums.top(1000, 9).map(({ name }) => name), ["b", "d"]);
  assert.deepEqual(sums.told, { names: 2, others: [6, 3] });
  sums.add(1010, "a", [4, 1]);
  assert.deepEqual(sums.top(1010, 9).at(-1), { name: "a", amounts: [4, 1] });
  for (let number = 0; number < 1000; number += 1) sums.add(1020, `x${number}`, [1, 1]);
  assert.deepEqual(sums.top(1020, 2).map(({ name }) => name), ["b", "d"]);
  assert.ok(sums.told.names <= 4);
  // What is summed as others goes away with its own step.
  assert.equal(sums.top(1060, 9).reduce((sum, { amounts }) => sum + amounts[1], 0) + sums.told.others[1], 1001);
  assert.deepEqual(sums.top(1080, 9), []);
  assert.deepEqual(sums.told, { names: 0, others: null });
});

test("a second is told when all sensors that are on time have told it", () => {
  const traffic = new Traffic(60);
  traffic.count("a", 1000, 5, 500, 5000, 1000);
  traffic.count("b", 998, 5, 50, 500, 1000);
  traffic.count("late", 950, 5, 50, 500, 1000);
  traffic.count("of another time", 10, 5, 50, 500, 1000);
  const curves = traffic.curves(1000, null);
  const at = (second) => curves.packets[curves.times.indexOf(second)];
  assert.deepEqual([992, 994, 997, 998, 999].map(at), [null, 10, 110, null, null]);
  assert.equal(traffic.curves(1000, "a").packets[traffic.curves(1000, "a").times.indexOf(999)], 100);
  assert.deepEqual(traffic.sensors, ["a", "b", "late"]);
});

test("flows of a second are none, or not known", () => {
  const traffic = new Traffic(60);
  traffic.cover(990, 1000);
  traffic.flow("a", 995.5, 1000);
  const curves = traffic.curves(1000, null);
  const at = (second) => curves.flows[curves.times.indexOf(second)];
  assert.deepEqual([989, 990, 995, 999, 1000].map(at), [null, 0, 1, 0, null]);
});

test("a sensor is silent, losing, with errors, or well", () => {
  const sensors = new Sensors();
  const sensor = sensors.hear({ id: "x:1", time: 100, sensor: "lab", topic: "x", payload: 1 }, 100);
  assert.equal(health(sensor, 115), "ok");
  assert.equal(health(sensor, 116), "silent");
  assert.equal(takeCount(sensor, { interval: 60, packets: 1, bytes: 1, dropped: 0, skipped: { short: 2 } }, 100), true);
  assert.equal(health(sensor, 280), "ok");
  assert.equal(takeStatus(sensor, { made: 1, lost: { full: 2 } }, 100), true);
  assert.equal(health(sensor, 110), "losing");
  assert.equal(health(sensor, 160), "ok");
  // The same number is no news; a smaller one is that of a sensor that was started again.
  takeStatus(sensor, { made: 1, lost: { full: 2 } }, 160);
  assert.equal(health(sensor, 161), "ok");
  takeStatus(sensor, { made: 1, lost: { full: 1 }, processors: [{ errors: 1 }] }, 162);
  assert.equal(health(sensor, 163), "losing");
  assert.equal(takeStatus(sensor, { lost: {} }, 162), false);
});

test("what is hidden in a text is shown, and quantities are short", () => {
  assert.equal(visible("a\u202eb\u0000\u200b\ud800 ü 漢"), "a‹U+202E›b‹U+0000›‹U+200B›‹U+D800› ü 漢");
  assert.deepEqual([0, 999, 999.6, 1000, 1234567, 2 ** 53].map((number) => short(number, "B")), ["0 B", "999 B", "1 kB", "1 kB", "1.23 MB", "9.01 PB"]);
  assert.equal(short(1_700_000, "B", true), "1.70 MB");
  assert.deepEqual([0, 0.008, 59, 60, 3700, 400000].map(span), ["0 s", "8 ms", "59 s", "1 min", "1 h 1 min", "4 d 15 h"]);
});

test("what is no frame is none", () => {
  for (const data of [null, 7, "", "{", "[]", '"x"', "{}", '{"kind":"lost"}', '{"kind":"lost","messages":-1}', '{"kind":"message","sequence":1,"message":{}}', '{"kind":"welcome","hub":"h","boot":"b","sequence":1,"resume":"?"}']) {
    assert.equal(readFrame(data), null, String(data));
  }
  assert.deepEqual(readFrame('{"kind":"lost","messages":3}'), { kind: "lost", messages: 3 });
});
