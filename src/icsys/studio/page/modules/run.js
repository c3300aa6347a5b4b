// The run: where it writes, its start and its end, and how far it is. It goes on when the page is closed.

import { ask } from "./api.js";
import { budgetText, byId, bytesText, changeOf, durationText, element, notice, pathOf, pathParts, tied } from "./elements.js";
import { onEvent } from "./events.js";
import { setValue } from "./fields.js";
import { setOff } from "./focus.js";

const PAUSE = 300; // milliseconds without a change before the destination is looked at
const TITLE = document.title;
const NAMELESS = "Name the folder to write to first.";
const INTERRUPTED = "interrupted"; // a run that was stopped here, or by Ctrl-C

const count = (number) => number.toLocaleString("en");
const images = (number) => `${count(number)} ${number === 1 ? "image" : "images"}`;

/** Return how many times smaller, or larger, the outputs are, with what they were. */
function became({ bytes_in: before, bytes_out: after }) {
  const { times, word } = changeOf(before, after);
  return `${bytesText(before)} became ${bytesText(after)}, ${times} times ${word}`;
}

/** Return what became of the images, in words. */
function counts(run) {
  const parts = [
    [run.compressed, "compressed"],
    [run.skipped, "skipped"],
    [run.left_out, "left out"],
    [run.failed, "failed"],
  ];
  return parts.filter(([number]) => number).map(([number, word]) => `${count(number)} ${word}`).join(", ");
}

/** Return where a run is, in a few words. */
function nowText({ state, stopping, done, total }) {
  if (state !== "running") return { done: "done", stopped: "ended early", failed: "could not go on" }[state];
  if (stopping) return "ending";
  return total ? `${Math.floor((done / total) * 100)}\u00a0%` : images(done);
}

export class Run {
  #timer = 0;
  #checked = "";
  #said = "";
  #asked = 0;
  #failures = "";

  constructor(store) {
    this.store = store;
    this.destination = byId("destination");
    this.destination.addEventListener("input", () => store.setDestination(this.destination.value));
    // Enter in the field takes the name, as in the fields of the settings: only the button begins to write.
    byId("run-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check();
    });
    byId("start").addEventListener("click", () => this.#start());
    byId("stop").addEventListener("click", () => this.#stop());
    this.#bind("run-all", "overwrite", (isOn) => (isOn ? "always" : "never"), (value) => value === "always");
    this.#bind("run-failed", "retry_failed");
    this.#bind("run-prune", "prune");
    store.onChange(() => this.#update());
    onEvent("run", (run) => this.#show(run));
  }

  /** Let a box change a setting, and follow it. */
  #bind(id, name, read = (isOn) => isOn, write = Boolean) {
    const box = byId(id);
    box.addEventListener("change", () => this.store.setSettings({ [name]: read(box.checked) }));
    this.store.onChange(() => (box.checked = write(this.store.settings()[name])));
  }

  #request() {
    const { store } = this;
    return { destination: store.destination(), options: store.options(), settings: store.state.settings, kept: store.kept() };
  }

  #update() {
    setValue(this.destination, this.store.destination());
    const { views, active } = this.store.state;
    const ofView = views.length > 1 ? `With the settings of view ${active + 1}.` : "";
    byId("run-view").textContent = [ofView, budgetText(this.store.settings().total_bytes)].filter(Boolean).join(" ");
    this.#refuse("");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), PAUSE);
  }

  /** Say what a run would find at the destination. */
  async #check(again = false) {
    const request = this.#request();
    const text = JSON.stringify(request);
    if (text === this.#checked && !again) return;
    this.#checked = text;
    const asked = (this.#asked += 1);
    let found = { what: "refused", folder: "", text: NAMELESS };
    try {
      if (request.destination.trim()) found = await ask("run/check", request);
    } catch (error) {
      found = { what: "wrong", folder: "", text: error.message };
    }
    if (asked !== this.#asked) return; // a newer one is on its way
    const isRefused = found.what === "refused" || found.what === "wrong";
    const said = JSON.stringify([found, isRefused]);
    if (said === this.#said) return;
    this.#said = said;
    const place = found.folder && !isRefused ? [pathOf(found.folder), " "] : [];
    byId("destination-check").replaceChildren(...place, found.text);
    byId("destination-check").classList.toggle("refused", isRefused);
    this.destination.setAttribute("aria-invalid", String(found.what === "refused"));
  }

  /** Look at the destination once more. */
  renew() {
    if (this.#checked) this.#check(true);
  }

  /** Say beside the button why no run has begun; an empty text takes it back. */
  #refuse(text) {
    byId("run-refused").textContent = text;
    byId("run-refused").hidden = !text;
    if (text) byId("run-refused").scrollIntoView({ block: "nearest" });
  }

  async #start() {
    if (!this.destination.value.trim()) {
      this.#refuse(NAMELESS);
      this.destination.focus();
      return;
    }
    setOff(byId("start"), true);
    this.#refuse("");
    try {
      this.#show(await ask("run", this.#request()));
      byId("run-state").scrollIntoView({ block: "nearest" });
    } catch (error) {
      this.#refuse(error.message);
      setOff(byId("start"), this.run?.state === "running");
    }
  }

  async #stop() {
    setOff(byId("stop"), true);
    try {
      await ask("run", undefined, "DELETE");
    } catch (error) {
      setOff(byId("stop"), false);
      notice(error.message);
    }
  }

  #show(run) {
    if (run.state === "none") return;
    const was = this.run?.state;
    if (!this.run && run.state !== "done") this.#takeOver(run);
    this.run = run;
    const isRunning = run.state === "running";
    byId("run-state").hidden = false;
    setOff(byId("start"), isRunning);
    byId("stop").hidden = byId("run-progress").hidden = byId("run-line").hidden = !isRunning;
    setOff(byId("stop"), run.stopping);
    byId("run-end").hidden = isRunning;
    this.#showProgress(run);
    this.#showFailures(run);
    document.title = isRunning && run.total ? `${Math.floor((run.done / run.total) * 100)} % · ${TITLE}` : TITLE;
    // The run stands far down the page: what the page shows first says where it is, and leads there.
    byId("run-now").textContent = `Run: ${nowText(run)}`;
    byId("run-now").hidden = false;
    byId("report").hidden = isRunning || !run.report;
    if (isRunning) return;
    this.#showEnd(run);
    if (was === "running") this.#check(true);
  }

  /** Let a page that opens, and on which nothing was chosen yet, show the settings of a run that goes on, or can. */
  #takeOver(run) {
    const { views, settings, destination } = this.store.state;
    if (views.length > 1 || Object.keys({ ...views[0], ...settings }).length || destination !== null) return;
    this.store.take(run.options, run.settings);
    this.store.setDestination(run.destination);
  }

  #showProgress(run) {
    const bar = byId("run-progress");
    if (run.total) Object.assign(bar, { max: run.total, value: run.done });
    else bar.removeAttribute("value");
    const of = run.total ? `${count(run.done)} of ${images(run.total)}` : images(run.done);
    const parts = [run.stopping ? "Stopping after the images in progress" : run.note, of];
    if (run.rate) parts.push(`${run.rate < 10 ? run.rate.toPrecision(2) : count(Math.round(run.rate))} a second`);
    if (run.left !== null && run.done < run.total) parts.push(`${durationText(run.left)} left`);
    if (run.bytes_out) parts.push(became(run));
    byId("run-line").textContent = tied(parts.filter(Boolean).join(" · "));
    byId("run-to").replaceChildren(...pathParts(run.folder));
  }

  #showFailures(run) {
    const place = byId("run-failures");
    place.hidden = !run.failed;
    const text = JSON.stringify([run.failed, run.failures]);
    if (text === this.#failures) return;
    this.#failures = text;
    byId("run-failed-count").textContent = `${count(run.failed)} failed`;
    const items = run.failures.map(({ source, message }) =>
      element("li", {}, pathOf(source), `: ${message}`),
    );
    const more = run.failed - run.failures.length;
    if (more > 0) items.push(element("li", { textContent: `and ${count(more)} more, in failures.jsonl of the folder` }));
    byId("run-failures-list").replaceChildren(...items);
  }

  #showEnd(run) {
    // Only who ends a run knows why without being told.
    const isWrong = run.state === "failed" || (run.state === "stopped" && run.stopped !== INTERRUPTED);
    const [first, rest] = {
      done: ["Done", `: ${counts(run)}${run.dry_run ? "; nothing was written" : ""}, in ${durationText(run.seconds)}.`],
      stopped: [
        `Ended early (${run.stopped})`,
        `: ${counts(run) || "no image is done"}. What is written is complete, and the next run goes on from here.`,
      ],
      failed: ["The run could not go on.", ` ${run.problem}`],
    }[run.state];
    const parts = [rest];
    if (run.bytes_out && run.state !== "failed") parts.push(`${became(run)}.`);
    if (run.chosen) parts.push(`Chosen: ${run.chosen}.`);
    if (run.report_problem) parts.push(`There is no report: ${run.report_problem}.`);
    byId("run-end").replaceChildren(element("b", { className: isWrong ? "refused" : "", textContent: first }), tied(parts.join(" ")));
  }
}
