// Bytes, quality and time of the active view, with JPEG and WebP at equal bytes beside it.

import { PAGE, ask, isReplaced } from "./api.js";
import { byId, bytesText, element, pathParts, pathTitle, secondsText } from "./elements.js";
import { Palette } from "./palette.js";

const COLUMNS = ["", "", "Pixels", "Bytes", "Smaller", "PSNR", "SSIM", "CIEDE2000", "Time"];
const ENDINGS = { "image/png": "png", "image/webp": "webp", "image/jpeg": "jpg" };
const KEPT = 60_000; // milliseconds that a browser has to save a file
const CODECS = { jpeg: "JPEG", webp: "WebP" };

function qualityTexts(quality) {
  if (!quality) return ["…", "…", "…"];
  const psnr = quality.psnr === null ? "equal" : `${quality.psnr.toFixed(1)} dB`;
  return [psnr, quality.ssim.toFixed(3), quality.delta_e.toFixed(2)];
}

export class Figures {
  constructor(store, views) {
    this.store = store;
    this.views = views;
    this.palette = new Palette(byId("palette"), byId("palette-note"));
    const isActive = (view) => view.number === store.state.active;
    views.onMade((view, isNew) => isActive(view) && isNew && this.#show(view));
    views.onRated((view) => isActive(view) && this.#rate(view));
    views.onFailed((view, error) => {
      if (!isActive(view) || view.figures) return;
      this.#name(error.photo);
      byId("figures-table").replaceChildren();
      byId("figures-note").hidden = true;
      this.palette.clear();
    });
  }

  #name(path) {
    byId("photo-name").replaceChildren(...pathParts(path));
    byId("photo-name").title = pathTitle(path);
  }

  #show(view) {
    const { figures } = view;
    this.view = view;
    this.#name(figures.name ?? "");
    byId("figures-note").hidden = false;
    this.rows = { own: { ...figures, name: "these settings" } };
    for (const [codec, name] of Object.entries(CODECS)) this.rows[codec] = { name, codec };
    this.#table();
    this.palette.show(view);
    if (view.quality) this.#rate(view);
  }

  /** Show the quality of the output, and find codecs at its bytes. */
  #rate(view) {
    const { failure, ...quality } = view.quality;
    Object.assign(this.rows.own, failure ? { failure } : { quality });
    this.#table();
    this.#more(view.key);
  }

  async #more(key) {
    const isShown = () => this.view.key === key && this.views.active === this.view;
    const add = async (name, path, valuesOf) => {
      if (!isShown()) return;
      try {
        const found = await ask(`preview/${key}/${path}?slot=${PAGE}`);
        if (!isShown()) return;
        Object.assign(this.rows[name], valuesOf(found));
      } catch (error) {
        if (isReplaced(error) || !isShown()) return;
        Object.assign(this.rows[name], { failure: error.message });
      }
      this.#table();
    };
    for (const [codec, name] of Object.entries(CODECS)) {
      await add(codec, `lossy/${codec}`, (found) =>
        found.fits
          ? { name: `${name} ${found.setting}`, bytes: found.bytes, quality: found.quality, key: found.key }
          : { failure: `No quality takes so few bytes: the lowest one takes ${bytesText(found.bytes)}.` },
      );
    }
  }

  #table() {
    const { figures } = this.view;
    const head = COLUMNS.map((text) => element(text ? "th" : "td", text ? { textContent: text, scope: "col" } : {}));
    const pixels = (one, end) => `${one[`width${end}`]} × ${one[`height${end}`]}`;
    const first = this.#row("the photo", [pixels(figures, "_in"), bytesText(figures.bytes_in), "", "", "", "", ""]);
    const rows = Object.values(this.rows).map((row) => this.#codecRow(row, pixels(figures, "")));
    // A table that is made anew must not take the focus away.
    const focused = document.activeElement?.dataset?.codec;
    byId("figures-table").replaceChildren(
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, first, ...rows),
    );
    if (focused) byId("figures-table").querySelector(`[data-codec="${focused}"]`)?.focus();
  }

  #codecRow(row, pixels) {
    const { name, bytes, quality, seconds, codec, failure } = row;
    if (failure && codec) return this.#sentence(name, failure);
    const exact = (count) => ({ textContent: bytesText(count), title: `${count.toLocaleString("en")} bytes` });
    const size = bytes ? [exact(bytes), `${(this.view.figures.bytes_in / bytes).toPrecision(3)}×`] : ["…", "…"];
    const cells = [pixels, ...size, ...(failure ? ["–", "–", "–"] : qualityTexts(quality))];
    cells.push(seconds === undefined ? "" : secondsText(seconds));
    const made = this.#row(name, cells, codec ? this.#button(row) : this.#download());
    if (failure) made.title = failure;
    return made;
  }

  /** A row that says in place of figures why there are none. */
  #sentence(name, textContent) {
    const said = element("td", { className: "sentence", colSpan: COLUMNS.length - 2 }, element("span", { textContent }));
    return element("tr", {}, element("th", { textContent: name, scope: "row" }), element("td"), said);
  }

  #button(row) {
    const { codec, key } = row;
    const isShown = this.view.codec === codec;
    const button = element("button", { type: "button", className: "show", textContent: "Show", disabled: !key });
    button.dataset.codec = codec;
    button.setAttribute("aria-label", `Show ${CODECS[codec]}`);
    button.setAttribute("aria-pressed", String(isShown));
    button.title = "Show this codec in the view, at as many bytes as these settings take";
    button.addEventListener("click", async () => {
      await this.view.showCodec(isShown ? null : row);
      this.#table();
    });
    return button;
  }

  /** The picture of the right side as a file, named as the photo is. */
  #download() {
    const { view } = this;
    const stem = (view.figures.name ?? "photo").split("/").pop().replace(/\.[^.]*$/, "");
    const address = `/api/preview/${view.key}/after`;
    const button = element("button", { type: "button", className: "show", textContent: "Save" });
    button.setAttribute("aria-label", "Save this picture");
    button.title = "Save this one picture, as a browser saves files; a run writes all of them";
    button.dataset.codec = "own";
    button.addEventListener("click", async () => {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`The picture was not downloaded: the server answers ${answer.status}.`);
      const picture = await answer.blob();
      const link = element("a", { href: URL.createObjectURL(picture), download: `${stem}.${ENDINGS[picture.type] ?? "png"}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
    });
    return button;
  }

  #row(name, cells, first = null) {
    return element(
      "tr",
      {},
      element("th", { textContent: name, scope: "row" }),
      element("td", {}, first),
      ...cells.map((text) => element("td", typeof text === "object" ? text : { textContent: text })),
    );
  }
}
