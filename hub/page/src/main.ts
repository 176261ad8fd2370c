/** The page at the hub's root: a subscription, a model of what it tells, and views that read it twice a second. */

import { Connection, type State } from "./connection.ts";
import { Model } from "./model/model.ts";
import { FLOW_COLUMNS, MESSAGE_COLUMNS } from "./model/rows.ts";
import { Chart } from "./view/chart.ts";
import { make, part, setText } from "./view/dom.ts";
import { LiveTable } from "./view/live.ts";
import { LossView } from "./view/loss.ts";
import { nameOf, SensorsView } from "./view/sensors.ts";
import { StateView } from "./view/state.ts";
import { Tops } from "./view/tops.ts";
import { whole } from "./text.ts";

const seconds = (): number => Date.now() / 1000;

const model = new Model();
const charts = {
  packets: new Chart("packets-chart", "", model.traffic.span),
  bits: new Chart("bits-chart", "bit/s", model.traffic.span),
  flows: new Chart("flows-chart", "", model.traffic.span),
};
const flows = new LiveTable("flows", model.flows, FLOW_COLUMNS, "No flow to show.");
const others = new LiveTable("messages", model.others, MESSAGE_COLUMNS, "No message to show.");
const [sensors, loss, tops] = [new SensorsView(), new LossView(), new Tops()];
const chosen = part("sensor", HTMLSelectElement);

const address = new URL("subscribe", location.href);
address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
address.search = address.hash = "";
const connection = new Connection(address.href, {
  state: changed,
  frame: (frame) => model.take(frame, seconds()),
  unreadable: () => (model.unreadable += 1),
});
const state = new StateView((token) => connection.open(token));
connection.open();

let asked = false;
window.setInterval(() => {
  model.tick(seconds());
  // A page that nobody sees is not drawn.
  if (asked || document.hidden) return;
  asked = true;
  requestAnimationFrame(draw);
}, 500);

function changed(present: State): void {
  if (present.kind === "live") model.welcome(present.resume, present.awaySeconds, seconds());
  else model.leave(seconds());
  state.draw(present);
}

function draw(): void {
  asked = false;
  const now = seconds();
  const curves = model.traffic.curves(now, chosen.value === "all" ? null : chosen.value.slice(1));
  charts.packets.draw(curves.times, curves.packets);
  charts.bits.draw(curves.times, curves.bits);
  charts.flows.draw(curves.times, curves.flows);
  tops.draw(model, now);
  sensors.draw(model.sensors, now);
  loss.draw(model);
  flows.draw();
  others.draw();
  setText(part("total", HTMLElement), `${whole(model.messages)} messages since the page was opened.`);
  choices();
}

/** Every sensor that tells of traffic can be chosen; the value has a letter before the name, which may be any. */
function choices(): void {
  const known = new Set([...chosen.options].map((option) => option.value));
  for (const name of model.traffic.sensors) {
    if (known.has(`=${name}`)) continue;
    const option = make("option", "", nameOf({ name }));
    option.value = `=${name}`;
    chosen.append(option);
  }
}
