// The grid of photos. Only the photos in sight have elements, so a hundred thousand scroll as ten do.

import { ask } from "./api.js";
import { cellOf, placeOf, shownOf } from "./cell.js";
import { byId, element, notice } from "./elements.js";
import { onEvent } from "./events.js";
import { showCounts } from "./fields.js";
import { ThumbnailQueue } from "./thumbnail_queue.js";
import { countText } from "./words.js";

const LEAST_CELL = 96; // pixels
const PAGE = 200; // photos that are asked for at once
const AHEAD = 2; // rows above and below what is in sight
const WAIT = 500; // milliseconds between looks at a list that grows
const PAUSE = 400; // milliseconds without a change of settings before the worst photos are looked for
const MEASURING = "Measuring photos drawn at random";
const TALLEST = 8e6; // pixels; browsers cut off elements that are much taller

export class Grid {
  #pages = new Map();
  #asked = new Map();
  #chosen = 0;
  #cursor = 0;
  #generation = 0;
  #worstTimer = 0;
  #worstAsked = "";
  #isAskingWorst = false;
  #measured = ""; // how far the sample is
  #leftOut = ""; // the key of settings whose rules leave photos out
  #queue = new ThumbnailQueue();

  constructor(store, place) {
    this.store = store;
    this.place = place;
    this.onListed = () => {};
    this.body = element("div", { className: "cells", role: "presentation" });
    place.append(this.body);
    place.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(place);
    for (const name of ["label", "split", "order"]) byId(name).addEventListener("change", () => this.#anew());
    byId("order").addEventListener("change", () => this.#askWorst());
    onEvent("worst", ({ error, state, done, total }) => {
      this.#measured = state === "running" ? `Measuring ${done} of ${total} photos drawn at random` : "";
      if (!this.#isByWorst) return;
      if (error) notice(error);
      this.#reload();
    });
    onEvent("inspection", ({ state, broken }) => {
      if (state !== "running" && broken?.images) this.#reload();
    });
    byId("words").addEventListener("input", () => this.#anew());
    place.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-place]");
      if (cell) this.#choose(Number(cell.dataset.place));
    });
    store.onChange((before) => {
      if (this.#isByWorst) this.#askWorst();
      if (before && before.image === store.state.image) return;
      if (!this.#isFiltered) this.#cursor = placeOf(store.state.image, this.#pages, PAGE);
      if (!before) this.#reveal();
      this.#draw();
    });
    this.#anew();
  }

  /** Mark photos that a run leaves out with the settings of a key, as far as that is known now. */
  mark(key) {
    const isNew = Boolean(key || this.#leftOut);
    this.#leftOut = key;
    if (isNew) this.#reload();
  }

  get #isFiltered() {
    return this.#isByWorst || ["words", "label", "split"].some((name) => byId(name).value);
  }

  get #isByWorst() {
    return byId("order").value === "worst";
  }

  get #columns() {
    return Math.max(1, Math.floor(this.place.clientWidth / LEAST_CELL));
  }

  get #cell() {
    return this.place.clientWidth / this.#columns;
  }

  get #rows() {
    return Math.ceil(this.#chosen / this.#columns);
  }

  /** Pixels of all rows for one pixel of what scrolls: 1 but for the longest lists. */
  get #ratio() {
    const { clientHeight } = this.place;
    const all = this.#rows * this.#cell;
    return all <= TALLEST ? 1 : (all - clientHeight) / (TALLEST - clientHeight);
  }

  #anew() {
    this.#generation += 1;
    this.#pages.clear();
    this.#asked.clear();
    this.#cursor = 0;
    this.place.scrollTop = 0;
    this.#load(0);
  }

  /** Look whether photos are others by now; `isKnown` says that some are. */
  renew(isKnown = false) {
    if (isKnown) this.#worstAsked = "";
    if (isKnown && this.#isByWorst) this.#askWorst();
    if (this.#asked.size) this.#reload();
  }

  /** Take the pages that are shown once more, from the same place on. */
  #reload() {
    this.#generation += 1;
    const shown = new Set([...this.body.children].map((cell) => Math.floor(Number(cell.dataset.place) / PAGE)));
    this.#asked.clear();
    for (const page of shown.size ? shown : [0]) this.#load(page);
    for (const page of [...this.#pages.keys()]) if (!this.#asked.has(page)) this.#pages.delete(page);
  }

  /** Have the photos of a sample measured with the settings of the active view. */
  #askWorst() {
    clearTimeout(this.#worstTimer);
    const body = { options: this.store.options() };
    const text = JSON.stringify(body);
    this.#isAskingWorst = this.#isByWorst && text !== this.#worstAsked;
    if (!this.#isAskingWorst) return;
    this.#worstTimer = setTimeout(async () => {
      this.#worstAsked = text;
      try {
        await ask("worst", body);
      } catch (error) {
        notice(error.message);
      }
      if (this.#worstAsked !== text) return;
      this.#isAskingWorst = false;
      this.#reload();
    }, PAUSE);
  }

  #load(page) {
    if (!this.#asked.has(page)) this.#asked.set(page, this.#loaded(page));
    return this.#asked.get(page);
  }

  async #loaded(page) {
    const generation = this.#generation;
    const query = new URLSearchParams({
      first: page * PAGE,
      count: PAGE,
      words: byId("words").value,
      label: byId("label").value,
      split: byId("split").value,
      order: byId("order").value,
      left_out: this.#leftOut,
    });
    let found;
    try {
      found = await ask(`images?${query}`);
    } catch (error) {
      notice(error.message);
      return;
    }
    if (generation !== this.#generation) return;
    this.#pages.set(page, found.images);
    this.#chosen = found.chosen;
    this.#tell(found);
    if (!found.complete) {
      setTimeout(() => {
        if (generation !== this.#generation) return;
        this.#asked.delete(page);
        this.#load(page);
      }, WAIT);
    }
    if (page === 0 && !this.#isFiltered && this.place.scrollTop === 0) this.#reveal();
    this.#draw();
  }

  #tell(found) {
    this.onListed(found);
    byId("count").textContent = this.#countText(found);
    showCounts(byId("label"), found.labels);
    showCounts(byId("split"), found.splits);
  }

  #countText(found) {
    const isMeasured = !found.measuring && !this.#isAskingWorst;
    if (!this.#isByWorst || isMeasured) return countText(found, this.#isByWorst);
    return (this.#measured || MEASURING) + (found.problem ? `: ${found.problem}` : "");
  }

  #draw() {
    const columns = this.#columns;
    const cellSize = this.#cell;
    const ratio = this.#ratio;
    this.body.style.height = `${Math.min(this.#rows * cellSize, TALLEST)}px`;
    const { scrollTop, clientHeight } = this.place;
    const top = scrollTop * ratio;
    const first = Math.max(0, Math.floor(top / cellSize) - AHEAD);
    const last = Math.min(this.#rows, Math.ceil((top + clientHeight) / cellSize) + AHEAD);
    const wanted = new Set();
    for (let place = first * columns; place < Math.min(last * columns, this.#chosen); place += 1) wanted.add(place);
    this.place.removeAttribute("aria-activedescendant");
    const put = (cell, place) => {
      const x = (place % columns) * cellSize;
      const y = Math.floor(place / columns) * cellSize - top + scrollTop;
      Object.assign(cell.style, { transform: `translate(${x}px, ${y}px)`, width: `${cellSize}px`, height: `${cellSize}px` });
      const isShown = Number(cell.dataset.image) === this.store.state.image;
      cell.setAttribute("aria-selected", String(isShown));
      if (isShown) this.place.setAttribute("aria-activedescendant", cell.id);
    };
    for (const cell of [...this.body.children]) {
      const place = Number(cell.dataset.place);
      if (!wanted.delete(place)) this.#drop(cell);
      else if (this.#at(place) && cell.dataset.shown === shownOf(this.#at(place))) put(cell, place);
      else {
        this.#drop(cell);
        wanted.add(place);
      }
    }
    for (const place of wanted) {
      const photo = this.#at(place);
      if (photo) put(this.body.appendChild(this.#made(photo, place)), place);
      else this.#load(Math.floor(place / PAGE));
    }
  }

  #at(place) {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  #drop(cell) {
    this.#queue.remove(cell.firstChild);
    cell.remove();
  }

  #made(photo, place) {
    const cell = cellOf(photo, place, this.#chosen);
    this.#queue.add(cell.firstChild, `/api/images/${photo.image}/thumbnail?broken=empty&version=${photo.version ?? ""}`);
    return cell;
  }

  #key(event) {
    const columns = this.#columns;
    const page = Math.max(1, Math.floor(this.place.clientHeight / this.#cell)) * columns;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page };
    const ends = { Home: 0, End: this.#chosen - 1 };
    const place = event.key in ends ? ends[event.key] : this.#cursor + (steps[event.key] ?? NaN);
    if (Number.isNaN(place)) return;
    event.preventDefault();
    if (place >= 0 && place < this.#chosen) this.#goTo(place);
  }

  /** The place so many photos further on than what is shown, null if there is none. Of other photos, the cursor's is next. */
  placeAfter(by) {
    const place = this.#at(this.#cursor)?.image === this.store.state.image ? this.#cursor + by : this.#cursor;
    return place >= 0 && place < this.#chosen ? place : null;
  }

  /** Show the photo so many places further on. */
  step(by) {
    const place = this.placeAfter(by);
    if (place !== null) this.#goTo(place);
  }

  #goTo(place) {
    this.#cursor = place;
    this.#reveal();
    this.#choose(place);
  }

  /** Scroll to the photo at the cursor, if it is not in sight. */
  #reveal() {
    const top = Math.floor(this.#cursor / this.#columns) * this.#cell;
    const { scrollTop, clientHeight } = this.place;
    const seen = scrollTop * this.#ratio;
    if (this.#cursor < this.#chosen && (top < seen || top + this.#cell > seen + clientHeight)) {
      this.#draw();
      this.place.scrollTop = (top - (clientHeight - this.#cell) / 2) / this.#ratio;
    }
    this.#draw();
  }

  async #choose(place) {
    this.#cursor = place;
    const generation = this.#generation;
    if (!this.#at(place)) await this.#load(Math.floor(place / PAGE));
    const photo = this.#at(place);
    if (photo && this.#cursor === place && generation === this.#generation) this.store.show(photo.image);
  }
}
