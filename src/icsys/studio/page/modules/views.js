// One to four views of the photo, each with its own settings: before and after behind a divider, moved together.

import { ask, isReplaced } from "./api.js";
import { byId, bytesText, element, notice } from "./elements.js";

const MOST_ZOOM = 32;
const LEAST_ZOOM = 1 / 32;

class View {
  #wanted = null;
  #busy = false;

  constructor(views, number) {
    this.views = views;
    this.number = number;
    this.before = element("img", { className: "before", alt: "Before", draggable: false });
    this.after = element("img", { className: "after", alt: "After", draggable: false });
    this.marks = element("canvas", { className: "marks", hidden: true });
    this.picture = element("div", { className: "picture" }, this.before, this.after, this.marks);
    this.frame = element("div", { className: "frame", tabIndex: 0, role: "img" }, this.picture);
    this.title = element("button", { type: "button", className: "choose" });
    this.remove = element("button", { type: "button", className: "remove", textContent: "Remove" });
    this.place = element("article", { className: "view" }, this.frame, element("footer", {}, this.title, this.remove));
    this.title.addEventListener("click", () => views.store.activate(this.number));
    this.remove.addEventListener("click", () => views.store.removeView(this.number));
    this.after.addEventListener("load", () => views.layOut());
    new ResizeObserver(() => views.layOut()).observe(this.frame);
    views.steer(this.frame);
  }

  /** Ask for a photo with options; while an answer is on its way, only the newest wish waits. */
  async show(image, options) {
    this.#wanted = { image, options, text: JSON.stringify([image, options]) };
    if (this.#busy || this.#wanted.text === this.shown) return;
    this.#busy = true;
    this.place.setAttribute("aria-busy", "true");
    try {
      while (this.#wanted.text !== this.shown) {
        const wish = this.#wanted;
        await this.#make(wish);
        this.shown = wish.text;
      }
    } finally {
      this.#busy = false;
      this.place.removeAttribute("aria-busy");
    }
  }

  async #make(wish) {
    try {
      const found = await ask("preview", { image: wish.image, options: wish.options, slot: `view-${this.number}` });
      this.place.classList.remove("failed");
      this.key = found.key;
      this.figures = found;
      this.after.src = `/api/preview/${found.key}/after`;
      this.#showBefore(found);
      await this.after.decode().catch(() => {});
      this.title.textContent = this.#words(found);
      this.frame.setAttribute("aria-label", `Before and after, view ${this.number + 1}`);
      this.views.made(this);
    } catch (error) {
      if (isReplaced(error)) return;
      this.place.classList.add("failed");
      this.title.textContent = error.message;
      if (this.number === this.views.store.state.active) notice(error.message);
    }
  }

  #showBefore(found) {
    const original = byId("reference").value === "original";
    const geometry = JSON.stringify([found.image, original || [found.width, found.height], this.views.geometry(this.number)]);
    if (geometry === this.geometry) return;
    this.geometry = geometry;
    this.before.src = original ? `/api/images/${found.image}/original` : `/api/preview/${found.key}/before`;
  }

  #words(found) {
    const colors = found.colors === null ? "all colours" : `${found.colors} colours`;
    return `${colors}, ${found.width} × ${found.height}: ${bytesText(found.bytes)}`;
  }
}

export class Views {
  #views = [];
  #listeners = [];

  constructor(store, place) {
    this.store = store;
    this.place = place;
    this.zoom = 0; // of one pixel of the picture; 0 for the whole picture
    this.center = { x: 0.5, y: 0.5 };
    store.onChange((before) => this.#update(before));
    byId("divider").addEventListener("input", () => this.layOut());
    byId("reference").addEventListener("change", () => this.#views.forEach((view) => this.#again(view)));
    byId("add-view").addEventListener("click", () => store.addView());
    byId("zoom-in").addEventListener("click", () => this.zoomBy(2));
    byId("zoom-out").addEventListener("click", () => this.zoomBy(1 / 2));
    byId("zoom-one").addEventListener("click", () => this.zoomTo(1));
    byId("zoom-all").addEventListener("click", () => this.zoomTo(0));
  }

  get active() {
    return this.#views[this.store.state.active];
  }

  /** Call a function with each view that shows something new. */
  onMade(listener) {
    this.#listeners.push(listener);
  }

  made(view) {
    for (const listener of this.#listeners) listener(view);
  }

  geometry(number) {
    const options = this.store.options(number);
    return ["step", "scale", "size", "fit", "enlarge", "resample", "background", "alpha"].map((name) => options[name]);
  }

  #again(view) {
    view.shown = view.geometry = undefined;
    view.show(this.store.state.image, this.store.options(view.number));
  }

  #update(before) {
    const { views, active, image } = this.store.state;
    while (this.#views.length > views.length) this.#views.pop().place.remove();
    while (this.#views.length < views.length) {
      const view = new View(this, this.#views.length);
      this.#views.push(view);
      this.place.append(view.place);
    }
    this.place.dataset.views = views.length;
    byId("add-view").disabled = views.length === 4;
    if (before && before.image !== image) this.center = { x: 0.5, y: 0.5 };
    for (const view of this.#views) {
      view.place.classList.toggle("active", view.number === active);
      view.title.setAttribute("aria-pressed", String(view.number === active));
      view.remove.hidden = views.length === 1;
      view.show(image, this.store.options(view.number));
    }
    if (before && before.active !== active && this.active?.figures) this.made(this.active);
    this.layOut();
  }

  /** Put all pictures where zoom, centre and divider say. */
  layOut() {
    const divider = Number(byId("divider").value);
    for (const view of this.#views) {
      const { clientWidth: width, clientHeight: height } = view.frame;
      const { naturalWidth, naturalHeight } = view.after;
      if (!naturalWidth || !width) continue;
      const scale = this.#scale(view);
      const [shownWidth, shownHeight] = [naturalWidth * scale, naturalHeight * scale];
      const left = Math.round(width / 2 - this.center.x * shownWidth);
      const top = Math.round(height / 2 - this.center.y * shownHeight);
      Object.assign(view.picture.style, {
        width: `${shownWidth}px`,
        height: `${shownHeight}px`,
        transform: `translate(${left}px, ${top}px)`,
      });
      view.picture.classList.toggle("sharp", scale * devicePixelRatio >= 1);
      const edge = (divider / 100) * width - left;
      view.after.style.clipPath = `inset(0 0 0 ${Math.max(0, Math.min(shownWidth, edge))}px)`;
      view.frame.style.setProperty("--divider", `${divider}%`);
    }
    const shown = this.active && this.active.after.naturalWidth ? this.#scale(this.active) * devicePixelRatio : 1;
    byId("zoom").textContent = `${Math.round(shown * 100)} %`;
  }

  /** Pixels of the page for one of the picture. Settings of other sizes show the same part at the same size. */
  #scale(view) {
    const { naturalWidth, naturalHeight } = view.after;
    const whole = Math.min(view.frame.clientWidth / naturalWidth, view.frame.clientHeight / naturalHeight);
    if (!this.zoom) return whole;
    const first = this.#views[0].after.naturalWidth || naturalWidth;
    return (this.zoom / devicePixelRatio) * (first / naturalWidth);
  }

  zoomTo(zoom) {
    this.zoom = zoom && Math.max(LEAST_ZOOM, Math.min(MOST_ZOOM, zoom));
    if (!zoom) this.center = { x: 0.5, y: 0.5 };
    this.layOut();
  }

  zoomBy(factor) {
    if (this.active?.after.naturalWidth) this.zoomTo(this.#scale(this.active) * devicePixelRatio * factor);
  }

  /** Move the picture by pixels of the page. */
  moveBy(x, y) {
    const { after } = this.active;
    const scale = this.#scale(this.active);
    const within = (value) => Math.max(0, Math.min(1, value));
    this.center = {
      x: within(this.center.x - x / (after.naturalWidth * scale)),
      y: within(this.center.y - y / (after.naturalHeight * scale)),
    };
    this.layOut();
  }

  /** Let pointer, wheel and keys move what a frame shows. */
  steer(frame) {
    let last = null;
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      const edge = (Number(byId("divider").value) / 100) * frame.clientWidth;
      const x = event.clientX - frame.getBoundingClientRect().left;
      last = { x: event.clientX, y: event.clientY, moves: Math.abs(x - edge) < 16 ? "divider" : "picture" };
    });
    frame.addEventListener("pointermove", (event) => {
      if (!last) return;
      if (last.moves === "divider") {
        const box = frame.getBoundingClientRect();
        byId("divider").value = ((event.clientX - box.left) / box.width) * 100;
        this.layOut();
      } else this.moveBy(event.clientX - last.x, event.clientY - last.y);
      last = { ...last, x: event.clientX, y: event.clientY };
    });
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => (last = null));
    frame.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(2 ** (-event.deltaY / 300));
    }, { passive: false });
    frame.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const zooms = { "+": 2, "=": 2, "-": 1 / 2 };
    if (event.key in moves) this.moveBy(...moves[event.key]);
    else if (event.key in zooms) this.zoomBy(zooms[event.key]);
    else if (event.key === "0") this.zoomTo(0);
    else if (event.key === "1") this.zoomTo(1);
    else return;
    event.preventDefault();
  }
}
