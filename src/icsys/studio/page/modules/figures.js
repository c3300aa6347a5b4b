// Bytes, quality and time of the active view, with JPEG and WebP at equal bytes beside it, and its palette.

import { ask, isReplaced } from "./api.js";
import { byId, bytesText, element, secondsText } from "./elements.js";

const PAUSE = 250; // milliseconds without a change before slower figures are asked for
const COLUMNS = ["Form", "Bytes", "times smaller", "PSNR", "SSIM", "CIEDE2000", "Time"];

const row = ([name, ...cells]) =>
  element(
    "tr",
    {},
    element("th", { textContent: name, scope: "row" }),
    ...cells.map((text) => element("td", { textContent: text })),
  );

function qualityTexts(quality) {
  if (!quality) return ["…", "…", "…"];
  const psnr = quality.psnr === null ? "equal" : `${quality.psnr.toFixed(1)} dB`;
  return [psnr, quality.ssim.toFixed(3), quality.delta_e.toFixed(2)];
}

export class Figures {
  #timer = 0;

  constructor(store, views) {
    this.store = store;
    this.views = views;
    views.onMade((view) => {
      if (view.number === store.state.active) this.#show(view);
    });
  }

  #show(view) {
    const { key, figures } = view;
    this.rows = { own: { name: "this setting", bytes: figures.bytes, seconds: figures.seconds } };
    this.bytesIn = figures.bytes_in;
    this.#table();
    this.#palette(view);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#more(key), PAUSE);
  }

  async #more(key) {
    const isShown = () => this.views.active?.key === key;
    const add = async (path, put) => {
      try {
        const found = await ask(`preview/${key}/${path}`);
        if (isShown()) {
          put(found);
          this.#table();
        }
      } catch (error) {
        if (!isReplaced(error) && isShown()) byId("palette-note").textContent = error.message;
      }
    };
    await add("quality", (found) => (this.rows.own.quality = found));
    for (const [codec, name] of [["jpeg", "JPEG"], ["webp", "WebP"]]) {
      if (!isShown()) return;
      await add(`lossy/${codec}`, (found) => {
        this.rows[codec] = { name: `${name} ${found.setting}`, bytes: found.bytes, quality: found.quality };
      });
    }
  }

  #table() {
    const head = element("thead", {}, element("tr", {}, ...COLUMNS.map((text) => element("th", { textContent: text, scope: "col" }))));
    const body = element("tbody", {}, row(["the photo", bytesText(this.bytesIn), "1", "", "", "", ""]));
    for (const { name, bytes, quality, seconds } of Object.values(this.rows)) {
      const factor = (this.bytesIn / bytes).toPrecision(3);
      body.append(row([name, bytesText(bytes), factor, ...qualityTexts(quality), seconds ? secondsText(seconds) : ""]));
    }
    byId("figures-table").replaceChildren(head, body);
  }

  #palette(view) {
    const { palette, shares, distinct } = view.figures;
    const shown = palette.map(([r, g, b], place) => {
      const hex = `#${[r, g, b].map((level) => level.toString(16).padStart(2, "0")).join("")}`;
      const text = `${hex}, ${(shares[place] * 100).toPrecision(2)} % of the pixels`;
      const swatch = element("button", { type: "button", className: "swatch", title: text });
      swatch.setAttribute("aria-label", text);
      swatch.style.backgroundColor = hex;
      swatch.style.flexGrow = Math.max(shares[place], 0.004) * 1000;
      const mark = () => this.#mark(view, palette[place], text);
      const clear = () => this.#mark(view, null, "");
      for (const name of ["pointerenter", "focus"]) swatch.addEventListener(name, mark);
      for (const name of ["pointerleave", "blur"]) swatch.addEventListener(name, clear);
      return element("span", { role: "listitem" }, swatch);
    });
    shown.forEach((item) => (item.style.flexGrow = item.firstChild.style.flexGrow));
    byId("palette").replaceChildren(...shown);
    this.note = distinct > palette.length ? `${palette.length} of ${distinct.toLocaleString("en")} colours` : `${distinct} colours`;
    byId("palette-note").textContent = this.note;
  }

  /** Mark the pixels of a colour in the picture; none for null. */
  #mark(view, color, text) {
    byId("palette-note").textContent = text || this.note;
    view.marks.hidden = color === null;
    if (color === null) return;
    const { naturalWidth: width, naturalHeight: height } = view.after;
    Object.assign(view.marks, { width, height });
    const context = view.marks.getContext("2d", { willReadFrequently: true });
    context.drawImage(view.after, 0, 0);
    const pixels = context.getImageData(0, 0, width, height);
    const { data } = pixels;
    for (let i = 0; i < data.length; i += 4) {
      const isMarked = data[i] === color[0] && data[i + 1] === color[1] && data[i + 2] === color[2];
      if (isMarked) data.set([255, 0, 170, 255], i);
      else data[i + 3] = 140;
    }
    context.putImageData(pixels, 0, 0);
  }
}
