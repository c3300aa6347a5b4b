// Which part of the picture all views show, and how large.

const MOST_ZOOM = 32;
const LEAST_ZOOM = 1 / 32;
const WHOLE = "whole";
const ONE = "one"; // one pixel of the picture for one of the screen

const within = (value) => Math.max(0, Math.min(1, value));

/** A length in pixels of the page that begins at a whole pixel of the screen, so that pixels stay sharp. */
const snapped = (offset, origin) => Math.round((origin + offset) * devicePixelRatio) / devicePixelRatio - origin;

/** The width at which the whole picture of a view fits into its frame. */
function wholeWidth({ naturalWidth, naturalHeight, frame }) {
  if (!naturalWidth || !frame.clientWidth) return Infinity;
  return Math.min(frame.clientWidth, (frame.clientHeight * naturalWidth) / naturalHeight);
}

export class Viewport {
  #size = WHOLE; // or the width of the picture in pixels of the page
  #center = { x: 0.5, y: 0.5 };

  /** `views` returns all views, `active` the one that 100 % refers to. */
  constructor(views, active) {
    this.views = views;
    this.active = active;
    this.onMove = () => {};
  }

  get isWhole() {
    return this.#size === WHOLE;
  }

  /** Pixels of the screen for one of the picture of the active view. */
  get zoom() {
    const view = this.active();
    return view?.naturalWidth ? (this.#width(view) / view.naturalWidth) * devicePixelRatio : 1;
  }

  showWhole() {
    this.#size = WHOLE;
    this.#center = { x: 0.5, y: 0.5 };
    this.onMove();
  }

  showOne() {
    this.#size = ONE;
    this.onMove();
  }

  /** Another view than the old one becomes what 100 % refers to; what is shown stays. */
  settle(old) {
    if (this.#size === ONE && old?.naturalWidth) this.#size = old.naturalWidth / devicePixelRatio;
  }

  /** Another photo is shown from the middle. */
  reset() {
    if (this.#size !== ONE) this.#size = WHOLE;
    this.#center = { x: 0.5, y: 0.5 };
  }

  /** Change the zoom; the point of the picture at a point of the page stays where it is. */
  zoomBy(factor, view = this.active(), at = null) {
    if (!view?.naturalWidth) return;
    const box = view.frame.getBoundingClientRect();
    const away = at ? { x: at.x - box.left - box.width / 2, y: at.y - box.top - box.height / 2 } : { x: 0, y: 0 };
    const width = this.#width(view);
    const one = view.naturalWidth / devicePixelRatio;
    const wider = Math.max(LEAST_ZOOM * one, Math.min(MOST_ZOOM * one, width * factor));
    const ratio = view.naturalHeight / view.naturalWidth;
    this.#center = {
      x: within(this.#center.x + away.x / width - away.x / wider),
      y: within(this.#center.y + away.y / (width * ratio) - away.y / (wider * ratio)),
    };
    this.#size = wider;
    this.onMove();
  }

  /** Zoom to the next power of two: 50 %, 100 %, 200 %. */
  zoomStep(isIn) {
    const exact = Math.log2(this.zoom);
    const next = isIn ? Math.floor(exact + 1.001) : Math.ceil(exact - 1.001);
    this.zoomBy(2 ** (next - exact));
  }

  /** Move the picture by pixels of the page. */
  moveBy(x, y, view = this.active()) {
    if (this.isWhole || !view?.naturalWidth) return;
    const width = this.#width(view);
    const height = (width * view.naturalHeight) / view.naturalWidth;
    this.#center = { x: within(this.#center.x - x / width), y: within(this.#center.y - y / height) };
    this.onMove();
  }

  /** Where the picture of a view lies in its frame, in pixels of the page. */
  place(view) {
    const box = view.frame.getBoundingClientRect();
    const width = this.#width(view);
    const height = (width * view.naturalHeight) / view.naturalWidth;
    return {
      width,
      height,
      left: snapped(box.width / 2 - this.#center.x * width, box.left),
      top: snapped(box.height / 2 - this.#center.y * height, box.top),
      frameWidth: box.width,
    };
  }

  #width(view) {
    if (this.#size === WHOLE) return Math.min(...this.views().map(wholeWidth));
    return this.#size === ONE ? (this.active()?.naturalWidth || view.naturalWidth) / devicePixelRatio : this.#size;
  }
}
