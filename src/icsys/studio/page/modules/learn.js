// What a model keeps with fewer colours, pixels and bytes: found out on request, as a curve whose points can be pressed.

import { ask } from "./api.js";
import { byId, bytesText, durationText, element, notice, pathOf, roundText } from "./elements.js";
import { onEvent } from "./events.js";
import { setOff } from "./focus.js";
import { plot } from "./plot.js";

const COLUMNS = ["Setting", "Bytes a photo", "Accuracy", "Less full colour, and verdict"];

const signed = (points) => `${points > 0 ? "+" : points < 0 ? "−" : ""}${Math.abs(points).toFixed(1)}`;
const judged = (arm) => arm.accuracy !== null;

/** Return a difference with its interval; an empty text for the reference. */
function difference(arm) {
  if (arm.difference === null || arm.verdict === "reference") return "";
  return `${signed(arm.difference)} [${signed(arm.low)},\u00a0${signed(arm.high)}]`;
}

/** Return lines of arms that belong together: fewer colours, fewer pixels, lossy codecs. */
function linesOf(arms) {
  const [full] = arms;
  const own = arms.filter((arm) => judged(arm) && arm.quality === null && !arm.as_small_as);
  const isFull = (arm) => arm.width === full.width && arm.height === full.height;
  const lines = [
    ["fewer colours", own.filter((arm) => isFull(arm) && (arm === full || arm.colors !== null))],
    ["fewer pixels", [full, ...own.filter((arm) => !isFull(arm) && arm.colors === null)]],
    ["fewer of both", own.filter((arm) => !isFull(arm) && arm.colors !== null)],
  ];
  for (const [codec, name] of [["webp", "WebP"], ["jpeg", "JPEG"]]) {
    lines.push([name, arms.filter((arm) => judged(arm) && arm.quality !== null && arm.format === codec)]);
  }
  return lines
    .map(([name, found]) => [name, [...found].sort((one, other) => other.bytes - one.bytes)])
    .filter(([, found]) => found.length);
}

export class Learn {
  #fetched = "";

  constructor(store) {
    this.store = store;
    byId("learn-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    byId("learn-stop").addEventListener("click", () => ask("learn", undefined, "DELETE").catch((error) => notice(error.message)));
    byId("learn-save").addEventListener("click", () => this.#save());
    onEvent("learn", (news) => this.#show(news));
    this.#fetch().catch((error) => notice(error.message));
  }

  /** Offer the files of ics learn in the folders that were opened. */
  #offer(files, problem) {
    const lines = files.map(({ file, name }, number) => {
      const path = pathOf(file, `learn-file-${number}`);
      const button = element("button", { type: "button", textContent: "Show this result" });
      button.setAttribute("aria-describedby", path.id);
      button.title = name;
      button.addEventListener("click", () => this.#open(file));
      return element("p", { className: "note" }, path, " ", button);
    });
    if (problem) lines.push(element("p", { className: "note", textContent: problem }));
    byId("learn-files").replaceChildren(...lines);
    byId("learn-files").hidden = !lines.length;
  }

  async #open(file) {
    try {
      this.#show(await ask("learn/file", { file }));
    } catch (error) {
      notice(error.message);
    }
  }

  async #begin() {
    const minutes = byId("learn-minutes");
    if (!minutes.reportValidity()) return;
    setOff(byId("learn-begin"), true);
    try {
      this.#show(await ask("learn", { minutes: Number(minutes.value), options: this.store.options() }));
    } catch (error) {
      setOff(byId("learn-begin"), this.news?.state === "running");
      notice(error.message);
    }
  }

  #show(news) {
    this.news = news;
    const isRunning = news.state === "running";
    setOff(byId("learn-begin"), isRunning);
    byId("learn-stop").hidden = byId("learn-progress").hidden = byId("learn-line").hidden = !isRunning;
    setOff(byId("learn-stop"), Boolean(news.stopping));
    byId("learn-end").textContent = news.state === "failed" ? news.problem : "";
    if (isRunning) {
      const bar = byId("learn-progress");
      if (news.total) Object.assign(bar, { max: news.total, value: news.done });
      else bar.removeAttribute("value");
      const parts = [news.stopping ? "Stopping" : news.note];
      if (news.left !== null) parts.push(`about ${durationText(news.left)} left in all`);
      byId("learn-line").textContent = [...parts, news.message].filter(Boolean).join(" · ");
    } else this.#fetch();
  }

  /** Look for other results. */
  renew() {
    this.#fetch().catch(() => {});
  }

  async #fetch() {
    const { learned, files, files_problem: problem } = await ask("learn");
    const text = JSON.stringify([learned, files, problem]);
    if (text === this.#fetched) return;
    this.#fetched = text;
    this.#offer(files, problem);
    if (!learned) return;
    this.learned = learned;
    byId("learn-from").textContent = learned.file ? `From ${learned.file}, about ${learned.about}.` : "";
    byId("learned").hidden = false;
    const [first, ...others] = learned.words.map((text) => element("p", { textContent: text }));
    byId("learn-first").replaceChildren(first);
    byId("learn-others").replaceChildren(...others);
    byId("learn-sure").hidden = !others.length;
    const drawn = learned.arms.filter(judged);
    byId("learn-plot").replaceChildren(...(drawn.length > 1 ? [this.#plot(learned), this.#legend(learned)] : []));
    byId("learn-table").replaceChildren(...this.#table(learned.arms));
    byId("learn-rest").hidden = !learned.arms.length;
    byId("learn-save").hidden = !learned.arms.length;
  }

  #plot(learned) {
    const point = (arm) => {
      const isChosen = arm.name === learned.recommended;
      const change = difference(arm);
      const texts = [arm.name, bytesText(arm.bytes_per_image), `${arm.accuracy.toFixed(1)} %`, change, learned.verdicts[arm.name]];
      const base = arm.difference === null ? null : arm.accuracy - arm.difference;
      return {
        x: arm.bytes_per_image,
        y: arm.accuracy,
        ...(base === null ? {} : { yLow: Math.max(0, base + arm.low), yHigh: Math.min(100, base + arm.high) }),
        name: `${isChosen ? "Recommended: " : ""}${texts.filter(Boolean).join(", ")}`,
        chosen: isChosen,
        press: arm.options ? () => this.#take(arm) : undefined,
      };
    };
    return plot({
      name: "Accuracy against bytes",
      x: { title: "bytes a photo", text: roundText, log: true },
      y: { title: "accuracy in %", text: (value) => String(Number(value.toFixed(1))) },
      lines: linesOf(learned.arms).map(([name, arms]) => ({ name, points: arms.map(point) })),
    });
  }

  #legend(learned) {
    const items = linesOf(learned.arms).map(([name], number) => {
      const mark = element("span", { className: `shade-${number}`, textContent: "●", "aria-hidden": "true" });
      return element("li", {}, mark, ` ${name}`);
    });
    return element("ul", { className: "legend" }, ...items);
  }

  #table(arms) {
    const head = element("tr", {}, ...COLUMNS.map((text) => element("th", { textContent: text, scope: "col" })));
    const rows = arms.map((arm) => {
      const isChosen = arm.name === this.learned.recommended;
      const name = arm.options
        ? element("button", { type: "button", className: "take-arm", textContent: arm.name, title: "Take over these settings" })
        : arm.name;
      if (arm.options) name.addEventListener("click", () => this.#take(arm));
      const verdict = isChosen ? `${this.learned.verdicts[arm.name]}, recommended` : this.learned.verdicts[arm.name];
      const cells = [
        [bytesText(arm.bytes_per_image)],
        [judged(arm) ? `${arm.accuracy.toFixed(1)} %` : ""],
        [difference(arm), verdict],
      ];
      const made = cells.map((texts) => element("td", {}, ...texts.map((textContent) => element("div", { textContent }))));
      return element("tr", { className: isChosen ? "recommended" : "" }, element("th", { scope: "row" }, name), ...made);
    });
    return [element("thead", {}, head), element("tbody", {}, ...rows)];
  }

  /** Take over the options of a form of the set. */
  #take(arm) {
    this.store.take(arm.options);
    notice(`The settings are those of ${arm.name} now.`);
  }

  /** Let the browser save the results as ics learn writes them. */
  #save() {
    const { words, verdicts, file, about, ...values } = this.learned;
    const blob = new Blob([JSON.stringify(values, null, 2)], { type: "application/json" });
    const link = element("a", { href: URL.createObjectURL(blob), download: "learn.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
