// One to four views of the photo, moved together.

import { byId } from "./elements.js";
import { setOff } from "./focus.js";
import { steer } from "./steering.js";
import { View } from "./view.js";
import { Viewport } from "./viewport.js";
import { idleReason, titleOf, valueWords } from "./words.js";

const MOST_VIEWS = 4;
const TINY = 120; // pixels of the page; in smaller pictures the handle of the divider would hide what is seen
const THIN = 12; // pixels of the page; in narrower pictures the divider itself would hide what is seen
const SAID_ANYWAY = ["step", "scale", "size", "colors"]; // options that the words of a view say already

export class Views {
  #views = [];
  #made = [];
  #failed = [];
  #rated = [];
  #list = { total: 0, complete: false };

  constructor(store, place, fields) {
    this.store = store;
    this.place = place;
    this.fields = fields;
    this.viewport = new Viewport(() => this.#views, () => this.active);
    this.viewport.onMove = () => this.layOut();
    const slider = byId("divider");
    this.divider = {
      get value() {
        return Number(slider.value) / 100;
      },
      set: (share) => {
        slider.value = share * 100;
        this.layOut();
      },
    };
    slider.addEventListener("input", () => this.layOut());
    addEventListener("resize", () => this.layOut());
    store.onChange((before) => this.#update(before));
    byId("reference").addEventListener("change", () => this.#views.forEach((view) => view.renewBefore()));
    for (const [name, action] of Object.entries({
      "add-view": () => store.addView(),
      "zoom-in": () => this.viewport.zoomStep(true),
      "zoom-out": () => this.viewport.zoomStep(false),
      "zoom-one": () => this.viewport.showOne(),
      "zoom-all": () => this.viewport.showWhole(),
    })) {
      byId(name).addEventListener("click", action);
    }
  }

  /** Look whether the photo is another one by now. */
  renew() {
    for (const view of this.#views) view.renew();
  }

  get active() {
    return this.#views[this.store.state.active];
  }

  /** Call a function with each view that shows what was asked, and whether that is something new. */
  onMade(listener) {
    this.#made.push(listener);
  }

  /** Call a function with each view that cannot show what was asked, and the error. */
  onFailed(listener) {
    this.#failed.push(listener);
  }

  /** Call a function with each view whose quality is measured. */
  onRated(listener) {
    this.#rated.push(listener);
  }

  made(view, isNew) {
    for (const listener of this.#made) listener(view, isNew);
  }

  rated(view) {
    for (const listener of this.#rated) listener(view);
  }

  failed(view, error) {
    view.listed(this.#list);
    for (const listener of this.#failed) listener(view, error);
  }

  /** Photos have been listed, and perhaps all. */
  listed({ total, complete }) {
    this.#list = { total, complete };
    for (const view of this.#views) view.listed(this.#list);
  }

  /** Say in each view what it shows. */
  describe() {
    for (const view of this.#views) view.describe();
  }

  /** Words for the options of a view that are others than those of another view. */
  differences(number) {
    const all = this.#views.map((view) => view.options).filter(Boolean);
    const own = this.#views[number].options;
    const isOther = (name) => all.some((options) => options[name] !== own[name]);
    const hasEffect = (name) => typeof own[name] === "string" && !idleReason(this.fields[name] ?? {}, own);
    return Object.keys(own)
      .filter((name) => !SAID_ANYWAY.includes(name) && hasEffect(name) && isOther(name))
      .map((name) => (own[name] === "none" ? `no ${titleOf(name).toLowerCase()}` : valueWords(name, own[name]).split(",")[0]));
  }

  #update(before) {
    const { views, active, image } = this.store.state;
    if (before && before.active !== active) this.viewport.settle(this.#views[before.active]);
    while (this.#views.length > views.length) this.#views.pop().close();
    while (this.#views.length < views.length) {
      const view = new View(this, this.#views.length);
      steer(view, this.viewport, this.divider);
      this.#views.push(view);
      this.place.append(view.place);
    }
    this.place.dataset.views = views.length;
    setOff(byId("add-view"), views.length === MOST_VIEWS);
    byId("controls-title").textContent = views.length > 1 ? `Settings of view ${active + 1}` : "Settings";
    if (before && before.image !== image) this.viewport.reset();
    for (const view of this.#views) {
      view.place.classList.toggle("active", view.number === active);
      view.select.setAttribute("aria-pressed", String(view.number === active));
      view.select.hidden = view.remove.hidden = views.length === 1;
      view.show(image, this.store.options(view.number));
      view.describe();
    }
    if (before && (before.active !== active || before.views.length !== views.length) && this.active?.figures) {
      this.made(this.active, true);
    }
    this.layOut();
  }

  /** Put all pictures where zoom, centre and divider say. */
  layOut() {
    const share = this.divider.value;
    for (const view of this.#views) {
      if (!view.naturalWidth || !view.frame.clientWidth) continue;
      const { width, height, left, top, frameWidth } = this.viewport.place(view);
      Object.assign(view.picture.style, {
        width: `${width}px`,
        height: `${height}px`,
        transform: `translate(${left}px, ${top}px)`,
      });
      // Until the left picture has come, the right one is seen in whole; so is it where both have no room.
      const isAlone = view.before.hidden || width < THIN;
      const edge = isAlone ? 0 : Math.max(0, Math.min(width, share * frameWidth - left));
      view.frame.classList.toggle("alone", isAlone);
      view.frame.classList.toggle("tiny", Math.min(width, height) < TINY);
      view.before.style.clipPath = `inset(0 ${width - edge}px 0 0)`;
      view.after.style.clipPath = isAlone ? "none" : `inset(0 0 0 ${edge}px)`;
      for (const picture of [view.before, view.after, view.marks]) {
        const isEnlarged = (width * devicePixelRatio) / (picture.naturalWidth ?? view.naturalWidth) >= 1;
        picture.classList.toggle("sharp", isEnlarged);
      }
      view.frame.style.setProperty("--divider", `${share * 100}%`);
      view.frame.classList.toggle("whole", this.viewport.isWhole);
    }
    byId("divider").setAttribute("aria-valuetext", `${Math.round(share * 100)} % before, the rest after`);
    byId("zoom").textContent = `${Math.round(this.viewport.zoom * 100)} %`;
  }
}
