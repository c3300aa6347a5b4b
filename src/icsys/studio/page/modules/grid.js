// The grid of photos. Only the photos in sight have elements, so a hundred thousand scroll as ten do.

import { ask } from "./api.js";
import { byId, element, notice } from "./elements.js";

const CELL = 104; // pixels, as in the style sheet
const PAGE = 200; // photos that are asked for at once
const AHEAD = 2; // rows above and below what is in sight
const WAIT = 500; // milliseconds between looks at a list that grows

export class Grid {
  #pages = new Map();
  #asked = new Set();
  #chosen = 0;
  #cursor = 0;
  #generation = 0;

  constructor(store, place) {
    this.store = store;
    this.place = place;
    this.body = element("div", { className: "cells", role: "presentation" });
    place.append(this.body);
    place.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(place);
    for (const name of ["label", "split"]) byId(name).addEventListener("change", () => this.#anew());
    byId("words").addEventListener("input", () => this.#anew());
    place.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-place]");
      if (cell) this.#choose(Number(cell.dataset.place));
    });
    store.onChange((before) => {
      if (!before || before.image !== store.state.image) this.#draw();
    });
    this.#anew();
  }

  get #columns() {
    return Math.max(1, Math.floor(this.place.clientWidth / CELL));
  }

  #anew() {
    this.#generation += 1;
    this.#pages.clear();
    this.#asked.clear();
    this.#cursor = 0;
    this.place.scrollTop = 0;
    this.#load(0);
  }

  async #load(page) {
    if (this.#asked.has(page)) return;
    this.#asked.add(page);
    const generation = this.#generation;
    const query = new URLSearchParams({
      first: page * PAGE,
      count: PAGE,
      words: byId("words").value,
      label: byId("label").value,
      split: byId("split").value,
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
    this.#draw();
  }

  #tell(found) {
    const all = found.chosen === found.total ? "" : ` of ${found.total.toLocaleString("en")}`;
    const more = found.complete ? "" : " so far";
    byId("count").textContent = `${found.chosen.toLocaleString("en")}${all} photos${more}${found.problem ? `: ${found.problem}` : ""}`;
    for (const [name, counts] of [["label", found.labels], ["split", found.splits]]) {
      const list = byId(name);
      const names = Object.keys(counts).filter(Boolean);
      if (list.options.length === names.length + 1) continue;
      const value = list.value;
      list.replaceChildren(
        element("option", { value: "", textContent: "all" }),
        ...names.map((one) => element("option", { value: one, textContent: `${one} (${counts[one].toLocaleString("en")})` })),
      );
      list.value = value;
      list.closest("label").hidden = names.length < 2;
    }
  }

  #draw() {
    const columns = this.#columns;
    const rows = Math.ceil(this.#chosen / columns);
    this.body.style.height = `${rows * CELL}px`;
    const first = Math.max(0, Math.floor(this.place.scrollTop / CELL) - AHEAD);
    const last = Math.min(rows, Math.ceil((this.place.scrollTop + this.place.clientHeight) / CELL) + AHEAD);
    const wanted = new Set();
    for (let place = first * columns; place < Math.min(last * columns, this.#chosen); place += 1) wanted.add(place);
    for (const cell of [...this.body.children]) {
      const place = Number(cell.dataset.place);
      if (!wanted.has(place) || Number(cell.dataset.image) !== this.#at(place)?.image) cell.remove();
      else {
        this.#put(cell, place, columns);
        wanted.delete(place);
      }
    }
    for (const place of wanted) {
      const photo = this.#at(place);
      if (photo) this.#put(this.body.appendChild(this.#cell(photo, place)), place, columns);
      else this.#load(Math.floor(place / PAGE));
    }
  }

  #at(place) {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  #cell(photo, place) {
    const picture = element("img", { src: `/api/images/${photo.image}/thumbnail`, alt: "", loading: "lazy", decoding: "async" });
    const cell = element("div", { className: "cell", role: "option", id: `photo-${place}`, title: photo.name }, picture);
    picture.addEventListener("error", () => cell.classList.add("broken"));
    cell.setAttribute("aria-label", photo.name);
    cell.setAttribute("aria-setsize", this.#chosen);
    cell.setAttribute("aria-posinset", place + 1);
    cell.dataset.place = place;
    cell.dataset.image = photo.image;
    return cell;
  }

  #put(cell, place, columns) {
    cell.style.transform = `translate(${(place % columns) * CELL}px, ${Math.floor(place / columns) * CELL}px)`;
    const isShown = Number(cell.dataset.image) === this.store.state.image;
    cell.setAttribute("aria-selected", String(isShown));
    if (isShown) this.place.setAttribute("aria-activedescendant", cell.id);
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#columns, ArrowDown: this.#columns };
    const ends = { Home: 0, End: this.#chosen - 1 };
    const place = event.key in ends ? ends[event.key] : this.#cursor + (steps[event.key] ?? NaN);
    if (Number.isNaN(place)) return;
    event.preventDefault();
    if (place < 0 || place >= this.#chosen) return;
    const top = Math.floor(place / this.#columns) * CELL;
    const { scrollTop, clientHeight } = this.place;
    if (top < scrollTop || top + CELL > scrollTop + clientHeight) this.place.scrollTop = top - (clientHeight - CELL) / 2;
    this.#draw();
    this.#choose(place);
  }

  #choose(place) {
    this.#cursor = place;
    const photo = this.#at(place);
    if (photo) this.store.show(photo.image);
  }
}
