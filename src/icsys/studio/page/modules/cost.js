// What a run over the whole set takes with the settings of the active view: bytes, time and files, estimated from a
// sample that grows while the user looks.

import { ask } from "./api.js";
import { byId, bytesText, changeOf, durationText, element } from "./elements.js";
import { onEvent } from "./events.js";

const ESTIMATING = "Estimating the whole set …";
const PAUSE = 400; // milliseconds without a change before an estimate is asked for

// What holds all photos together, and what it holds beside them.
const PACKS = {
  webdataset: ["In tar files", "Tar files also hold a class and facts of each photo, and fill whole blocks."],
  parquet: ["In Parquet files", "Parquet files also hold a class and facts of each photo, and a list of all columns."],
  arrays: ["In arrays", "Arrays also have labels, names, and a record with hashes."],
};

const count = (number) => Math.round(number).toLocaleString("en");
const many = (number, one) => `${count(number)} ${one}${Math.round(number) === 1 ? "" : "s"}`;

/** Return the two ends of an interval, without the upper if there is none; an empty text if they say the same. */
function between(low, high, text) {
  if (high === null) return `(at least ${text(low)})`;
  const [from, to] = [text(low), text(high)];
  return from === to ? "" : `(${from} to ${to})`;
}

const row = (name, value, more) => [
  element("dt", { textContent: name }),
  element("dd", {}, element("b", { textContent: value }), " ", element("span", { textContent: more })),
];

/** Return what all that holds the photos takes together; an empty list where nothing does. */
function packedRow({ format, packed, packed_low: low, packed_high: high, companions }) {
  if (!packed) return [];
  const [name] = PACKS[format];
  // What goes with photos lies in there, too, and is not counted.
  return row(name, `${companions ? "at least " : ""}${bytesText(packed)}`, between(low, high, bytesText));
}

/** Say where the figures come from, and how sure they are. */
function noteOf(cost) {
  const parts = [];
  if (cost.is_exact) parts.push("All photos were compressed for it: the bytes are exact, the time is an estimate.");
  else if (cost.sampled === cost.images) parts.push("All photos were compressed for it; the run may differ, as said below.");
  else {
    parts.push(`Estimated from ${count(cost.sampled)} of ${many(cost.images, "photo")}, drawn at random, large files more often.`);
    parts.push("About 95 of 100 such estimates hold the true value between their ends.");
  }
  parts.push(`Time: of this machine, ${many(cost.jobs, "core")} with nothing else to do.`);
  if (cost.failed) parts.push(`${count(cost.failed)} of the ${count(cost.sampled)} cannot be compressed.`);
  if (cost.left_out) parts.push(`${count(cost.left_out)} of the ${count(cost.sampled)} are left out by their size.`);
  if (cost.packed) parts.push(PACKS[cost.format][1]);
  if (cost.note) parts.push(cost.note);
  return parts.join(" ");
}

export class Cost {
  #timer = 0;
  #asked = "";
  #key = null;
  #latest = null;

  constructor(store) {
    this.store = store;
    onEvent("cost", (cost) => {
      this.#latest = cost;
      this.#show();
    });
    store.onChange(() => this.#ask());
    document.addEventListener("visibilitychange", () => this.#ask());
  }

  /** Ask for what is shown now; a page that is hidden needs no figures. */
  #ask() {
    clearTimeout(this.#timer);
    const body = { options: this.store.options(), settings: this.store.settings() };
    const text = document.hidden ? "" : JSON.stringify(body);
    if (text === this.#asked) return;
    byId("totals").classList.add("older");
    byId("total-line").classList.add("older");
    this.#timer = setTimeout(() => this.#begin(body, text), PAUSE);
  }

  /** Estimate once more: what has not changed since is known. */
  renew() {
    if (this.#asked) this.#begin({ options: this.store.options(), settings: this.store.settings() }, this.#asked);
  }

  async #begin(body, text) {
    this.#asked = text;
    if (text && !byId("totals").childElementCount) this.#say("Compressing a few photos for an estimate.", ESTIMATING);
    if (!text) {
      await ask("cost", undefined, "DELETE").catch(() => {});
      return;
    }
    try {
      const { settings_key: key } = await ask("cost", body);
      if (this.#asked === text) this.#key = key;
      this.#show();
    } catch (error) {
      if (this.#asked === text) this.#refuse(error.message);
    }
  }

  /** Say why there are no figures, or not yet; in the line above the settings, too. */
  #say(text, line) {
    byId("totals").replaceChildren();
    byId("total-line").textContent = line;
    byId("cost-note").textContent = text;
    byId("cost-note").classList.remove("refused");
  }

  #refuse(text) {
    this.#say(text, "");
    byId("cost-note").classList.add("refused");
  }

  #show() {
    const cost = this.#latest;
    if (!cost || cost.settings_key !== this.#key) return;
    if (cost.problem) this.#refuse(cost.problem);
    else if (cost.is_listed && !cost.images) this.#say("There is no photo.", "");
    else if (!cost.is_listed) this.#say(`Listing the photos: ${count(cost.images)} so far.`, ESTIMATING);
    else if (!cost.sampled && !cost.done) this.#say("First the palette that photos share is found.", ESTIMATING);
    else {
      const { times, word } = cost.bytes && cost.bytes_in ? changeOf(cost.bytes_in, cost.bytes) : { times: "", word: "" };
      byId("totals").replaceChildren(
        ...row("Bytes", bytesText(cost.bytes), between(cost.bytes_low, cost.bytes_high, bytesText)),
        ...row(word === "larger" ? "Larger" : "Smaller", word && `${times} times`, `from ${bytesText(cost.bytes_in)}`),
        ...row("Time", durationText(cost.seconds), between(cost.seconds_low, cost.seconds_high, durationText)),
        ...packedRow(cost),
        ...row("Files", count(cost.files), between(cost.files_low, cost.files_high, count)),
      );
      const about = cost.is_exact ? "" : "About ";
      byId("total-line").textContent = `${about}${bytesText(cost.bytes)} in all${word && `, ${times}× ${word}`}`;
      byId("totals").classList.remove("older");
      byId("total-line").classList.remove("older");
      byId("cost-note").textContent = noteOf(cost);
      byId("cost-note").classList.remove("refused");
    }
    byId("cost").setAttribute("aria-busy", String(!cost.done));
  }
}
