// The best size and number of colours within a number of bytes, and the frontier as a plot that can be pressed.

import { ask } from "./api.js";
import { budgetText, byId, bytesText, element, roundText, tied } from "./elements.js";
import { onEvent } from "./events.js";
import { plot } from "./plot.js";

const ERROR = "worse ← error → better"; // it is read upwards
const HEADS = ["Setting", "Bytes", "CIEDE2000", "SSIM"];
// What belongs to as few colours as a quality needs.
const AUTO = ["min_psnr", "min_ssim", "max_delta_e", "per", "quality_share", "strict_quality"];

const sideText = (side) => (side === null ? "the present size" : `${side} px`);
const kText = (colors) => (colors === null ? "all" : `K ${colors}`);
const colorsText = (colors) => (colors === null ? "all colours" : `${colors} colours`);
// What the question leaves open; other options decide the answer.
const OPEN = ["colors", "step", "scale", "size", ...AUTO];
const fixedIn = (options) => JSON.stringify(Object.entries(options).filter(([name]) => !OPEN.includes(name)).sort());
// As the choice goes: halving the error of colour, or that of structure, counts the same.
const errorOf = (point) => Math.max(point.delta_e * (1 - point.ssim), 1e-6);

const nameOf = (point) =>
  `${sideText(point.side)}, ${kText(point.colors)}: ${bytesText(point.bytes)}, CIEDE2000 ${point.delta_e.toFixed(2)}, ` +
  `SSIM ${point.ssim.toFixed(3)}${point.chosen ? ", the best" : ""}`;

export class Frontier {
  #key = null;
  #latest = null;

  constructor(store) {
    this.store = store;
    byId("budget").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#find();
    });
    this.best = element("button", { type: "button", textContent: "Show the best", hidden: true });
    this.best.title = "Take over the best within the bytes, to look at it";
    this.best.addEventListener("click", () => this.#take(this.#latest.chosen));
    this.use = element("button", { type: "button", textContent: "Use the budget in the run", hidden: true });
    this.use.addEventListener("click", () => this.#useInRun());
    this.drop = element("button", { type: "button", textContent: "Run without the budget", hidden: true });
    this.drop.addEventListener("click", () => store.setBudget(null, []));
    this.state = element("p", { className: "small" });
    this.older = element("p", { className: "small", role: "status" });
    byId("frontier-actions").append(this.best, this.use, this.drop);
    byId("frontier-actions").after(this.state, this.older);
    onEvent("frontier", (found) => {
      this.#latest = found;
      this.#show();
    });
    store.onChange(() => this.#update());
    onEvent("source", ({ edition }) => {
      this.edition = edition;
      this.#update();
    });
  }

  #update() {
    const isOther = this.fixed !== undefined && this.fixed !== fixedIn(this.store.options());
    const isOlder = isOther || (this.fixed !== undefined && this.asked !== this.edition);
    this.older.textContent = isOlder ? `${isOther ? "Settings" : "Photos"} have changed since: find the best again.` : "";
    byId("frontier").classList.toggle("older", isOlder);
    const limit = this.store.settings().total_bytes ?? undefined; // null once it was taken back
    this.drop.hidden = (limit ?? null) === null;
    this.best.hidden = !this.hasChosen;
    this.use.hidden = !this.hasChosen || limit === this.limit;
    this.state.textContent = budgetText(limit);
  }

  async #find() {
    const text = byId("budget-bytes").value.trim();
    const body = {
      options: this.store.options(),
      settings: { ...this.store.settings(), total_bytes: null },
      total_bytes: text,
      free: byId("budget-free").value,
    };
    const { edition } = this;
    byId("frontier").replaceChildren();
    this.hasChosen = false;
    this.#key = null;
    this.fixed = undefined;
    this.#refuse("");
    this.#update();
    if (!text) {
      byId("frontier-note").textContent = "Type the number of bytes that the whole set may take, such as 500 MB.";
      byId("budget-bytes").focus();
      return;
    }
    try {
      const { key, total_bytes: bytes } = await ask("frontier", body);
      this.#key = key;
      this.limit = bytes;
      this.fixed = fixedIn(body.options);
      this.asked = edition;
      this.#show();
    } catch (error) {
      this.#refuse(error.message);
    }
  }

  /** Say what is wrong with the budget; an empty text takes it back. */
  #refuse(text) {
    if (text) byId("frontier-note").textContent = text;
    byId("frontier-note").classList.toggle("refused", Boolean(text));
    byId("budget-bytes").setAttribute("aria-invalid", String(Boolean(text)));
  }

  #show() {
    const found = this.#latest;
    if (!found || found.key !== this.#key) return;
    byId("budget").setAttribute("aria-busy", String(!found.done));
    const note = byId("frontier-note");
    if (found.problem) {
      this.#refuse(`${found.problem[0].toUpperCase()}${found.problem.slice(1)}.`.replace(/([.!?])\.$/, "$1"));
      return;
    }
    if (!found.chosen) {
      note.textContent = `Choosing: ${found.settings} ${found.settings === 1 ? "setting" : "settings"} measured so far.`;
      return;
    }
    const { chosen } = found;
    const ends = chosen.bytes_low < chosen.bytes_high ? ` (${bytesText(chosen.bytes_low)} to ${bytesText(chosen.bytes_high)})` : "";
    const isAll = found.sampled === found.images;
    const what = `${sideText(chosen.side)}, ${colorsText(chosen.colors)}, ${isAll ? "" : "about "}${bytesText(chosen.bytes)}${ends}.`;
    const within = roundText(found.total_bytes);
    const first = found.is_largest ? `Even the largest setting keeps within ${within}: ${what}` : `Best within ${within}: ${what}`;
    const parts = [];
    if (found.why) parts.push(`${found.why[0].toUpperCase()}${found.why.slice(1)}.`);
    const all = found.images.toLocaleString("en");
    if (isAll) parts.push(`All ${all} photos were measured for it.`);
    else parts.push(`Estimated from ${found.sampled} of ${all} photos; a run with the budget corrects it by the exact total.`);
    if (!found.done) parts.push(`Measuring others: ${found.lines.length} of ${found.sides} sizes.`);
    const why = element("span", { className: "small", textContent: tied(parts.join(" ")) });
    note.replaceChildren(element("b", { textContent: tied(first) }), " ", why);
    this.hasChosen = true;
    this.#update();
    this.#draw(found);
  }

  #draw(found) {
    const lines = found.lines.filter((line) => line.points.length);
    if (!lines.length) return;
    const focused = document.activeElement?.closest?.("#frontier") ? document.activeElement.getAttribute("aria-label") : null;
    const made = lines.map((line) => ({
      name: sideText(line.points[0].side),
      points: line.points.map((point) => ({
        x: point.bytes,
        xLow: point.bytes_low || point.bytes,
        xHigh: point.bytes_high ?? point.bytes,
        y: errorOf(point),
        name: nameOf(point),
        chosen: point.chosen,
        press: () => this.#take(point),
      })),
    }));
    const svg = plot({
      name: "Bytes and error of other settings; a point takes over its setting",
      x: { title: "Bytes of the whole set", text: roundText, log: true },
      y: { title: ERROR, text: (value) => String(Number(value.toPrecision(2))), log: true, flip: true },
      lines: made,
      limit: found.total_bytes,
    });
    const key = element("ul", { className: "key" }, ...made.map(({ name }, place) =>
      element("li", { className: `shade-${place % 6}`, textContent: name }),
    ));
    const isOpen = byId("frontier").querySelector("details")?.open ?? false;
    const about = element("p", { className: "small", textContent:
      `Error: CIEDE2000 × (1 − SSIM) against the pictures at the largest size, on ${found.measured} photos. Lines across points: where their bytes lie in about 95 of 100 cases. Dashed: the budget. A point takes over its setting.` });
    byId("frontier").replaceChildren(svg, key, about, this.#table(lines, isOpen));
    if (focused) [...svg.querySelectorAll("[role=button]")].find((one) => one.getAttribute("aria-label") === focused)?.focus();
  }

  #table(lines, isOpen) {
    const rows = lines.flatMap((line) => line.points).map((point) => {
      const textContent = `${sideText(point.side)}, ${kText(point.colors)}`;
      const take = element("button", { type: "button", className: "take-arm", textContent, title: "Take over this setting" });
      take.addEventListener("click", () => this.#take(point));
      const head = element("th", { scope: "row" }, take, point.chosen ? " best" : "");
      const cells = [bytesText(point.bytes), point.delta_e.toFixed(2), point.ssim.toFixed(3)];
      const made = cells.map((text) => element("td", { textContent: text }));
      return element("tr", { className: point.chosen ? "recommended" : "" }, head, ...made);
    });
    const head = element("tr", {}, ...HEADS.map((textContent) => element("th", { scope: "col", textContent })));
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
    const scroll = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Frontier" }, table);
    return element("details", { open: isOpen }, element("summary", { textContent: "As a table" }), scroll);
  }

  /** Take over what a point has chosen. */
  #take({ options }) {
    const auto = "colors" in options ? Object.fromEntries(AUTO.map((name) => [name, null])) : {};
    this.store.set({ ...auto, ...options });
  }

  /** Let the run choose: what is left open goes back to its usual value, and the rest is kept, whatever its value. */
  #useInRun() {
    const { defaults, kept } = this.#latest;
    this.#take({ options: defaults });
    this.store.setBudget(this.limit, kept);
  }
}
