// A few photos that the user has picked: they stay at hand while settings change, and in the address.

import { byId, element, pathTitle } from "./elements.js";

export class Picked {
  #names = new Map(); // of photos that were shown, by number
  #shown = "";
  #looks = 0;

  constructor(store, views) {
    this.store = store;
    byId("pick").addEventListener("click", () => store.pick());
    views.onMade((view) => {
      if (view.number !== store.state.active || !view.figures.name) return;
      this.#names.set(store.state.image, view.figures.name);
      this.#update();
    });
    store.onChange(() => this.#update());
  }

  /** Take the thumbnails once more, as photos have changed. */
  renew(isKnown = false) {
    if (!isKnown) return;
    this.#looks += 1;
    this.#update();
  }

  #update() {
    const { image, picked } = this.store.state;
    byId("pick").setAttribute("aria-pressed", String(picked.includes(image)));
    const strip = byId("picked");
    strip.hidden = !picked.length;
    const shown = JSON.stringify([picked, this.#looks]);
    if (shown !== this.#shown) strip.replaceChildren(...picked.map((one) => this.#button(one)));
    this.#shown = shown;
    picked.forEach((one, place) => {
      const button = strip.children[place];
      const name = this.#names.get(one);
      button.setAttribute("aria-pressed", String(one === image));
      button.setAttribute("aria-label", `Picked photo ${place + 1}${name ? `: ${name}` : ""}`);
      button.title = name ? pathTitle(name) : "";
    });
  }

  #button(image) {
    const src = `/api/images/${image}/thumbnail?broken=empty&look=${this.#looks}`;
    const button = element("button", { type: "button" }, element("img", { src, alt: "", decoding: "async" }));
    button.addEventListener("click", () => this.store.show(image));
    return button;
  }
}
