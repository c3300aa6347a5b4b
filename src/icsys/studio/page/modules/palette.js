// The palette of the active view, as swatches with their shares. A swatch marks its pixels in the picture.

import { element } from "./elements.js";

const MOST_IN_A_BAR = 64; // more are shown as a field of equal squares
const MARK = [255, 0, 170, 255];
const TOUCHED = matchMedia("(hover: none)");
const VEIL = 140; // opacity of what is not marked, of 255

const hexOf = (color) => `#${color.map((level) => level.toString(16).padStart(2, "0")).join("")}`;

export class Palette {
  #view = null;
  #current = 0;

  constructor(place, note) {
    this.place = place;
    this.note = note;
    place.addEventListener("keydown", (event) => this.#key(event));
    for (const name of ["pointerdown", "pointermove"]) place.addEventListener(name, (event) => this.#touch(event));
  }

  show(view) {
    const { palette, shares, distinct } = view.figures;
    this.#view = view;
    const hadFocus = this.place.contains(document.activeElement);
    this.#current = Math.min(this.#current, palette.length - 1);
    this.place.classList.toggle("many", palette.length > MOST_IN_A_BAR);
    this.place.replaceChildren(...palette.map((color, number) => this.#swatch(color, shares[number], number)));
    const words = distinct > palette.length ? `The ${palette.length} most frequent of ${distinct.toLocaleString("en")} colours` : `${distinct} ${distinct === 1 ? "colour" : "colours"}`;
    this.words = `${words}; ${TOUCHED.matches ? "touch" : "point at"} one to see its pixels.`;
    this.note.textContent = this.words;
    if (hadFocus) this.#buttons()[this.#current]?.focus();
  }

  clear() {
    this.#view = null;
    this.place.replaceChildren();
    this.note.textContent = "";
  }

  #buttons() {
    return this.place.querySelectorAll(".swatch");
  }

  #swatch(color, share, number) {
    const hex = hexOf(color);
    const text = `${hex}, ${(share * 100).toPrecision(2)} % of the pixels`;
    const swatch = element("button", { type: "button", className: "swatch", title: text });
    swatch.setAttribute("aria-label", text);
    swatch.tabIndex = number === this.#current ? 0 : -1;
    swatch.style.backgroundColor = hex;
    swatch.addEventListener("focus", () => {
      this.#current = number;
      this.#buttons().forEach((one, place) => (one.tabIndex = place === number ? 0 : -1));
    });
    for (const name of ["pointerenter", "focus"]) swatch.addEventListener(name, () => this.#mark(color, text));
    for (const name of ["pointerleave", "blur"]) swatch.addEventListener(name, () => this.#mark(null, ""));
    const item = element("span", { role: "listitem" }, swatch);
    item.style.flexGrow = Math.max(share, 0.004) * 1000;
    return item;
  }

  #key(event) {
    const buttons = [...this.#buttons()];
    const columns = this.place.classList.contains("many")
      ? buttons.filter((one) => one.offsetTop === buttons[0].offsetTop).length
      : 1;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const ends = { Home: -Infinity, End: Infinity };
    const step = steps[event.key] ?? ends[event.key];
    if (step === undefined) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, this.#current + step))]?.focus();
  }

  /** A finger is wider than a colour: as it moves along, it takes one after the other. */
  #touch(event) {
    if (event.pointerType !== "touch") return;
    event.target.releasePointerCapture?.(event.pointerId);
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest(".swatch");
    if (under && this.place.contains(under)) under.focus();
  }

  /** Mark the pixels of a colour in the picture; none for null. */
  #mark(color, text) {
    const view = this.#view;
    if (!view) return;
    this.note.textContent = text || this.words;
    // A codec that is shown in place of the output has other colours.
    const isMarked = color !== null && !view.codec;
    view.marks.hidden = !isMarked;
    view.frame.classList.toggle("marking", isMarked);
    if (!isMarked) return;
    const { naturalWidth: width, naturalHeight: height } = view;
    Object.assign(view.marks, { width, height });
    const context = view.marks.getContext("2d", { willReadFrequently: true });
    context.drawImage(view.after, 0, 0);
    const pixels = context.getImageData(0, 0, width, height);
    const { data } = pixels;
    for (let i = 0; i < data.length; i += 4) {
      const isOfIt = data[i] === color[0] && data[i + 1] === color[1] && data[i + 2] === color[2];
      if (isOfIt) data.set(MARK, i);
      else data[i + 3] = VEIL;
    }
    context.putImageData(pixels, 0, 0);
  }
}
