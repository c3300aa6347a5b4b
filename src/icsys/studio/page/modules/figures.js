// Bytes, quality and time of the active view, with JPEG and WebP at equal bytes beside it.

import { PAGE, ask, isReplaced } from "./api.js";
import { byId, bytesText, changeOf, element, pathParts, pathTitle, secondsText } from "./elements.js";
import { Palette } from "./palette.js";

const COLUMNS = ["", "", "Pixels", "Bytes", "Smaller", "PSNR", "SSIM", "CIEDE2000", "Time"];
const ENDINGS = { "image/png": "png", "image/webp": "webp", "image/jpeg": "jpg" };
const KEPT = 60_000; // milliseconds that a browser has to save a file
const NARROW = matchMedia("(max-width: 40em)"); // where the figures of a picture are a column
const CODECS = { jpeg: "JPEG", webp: "WebP" };

function qualityTexts(quality) {
  if (!quality) return ["…", "…", "…"];
  const psnr = quality.psnr === null ? "equal" : `${quality.psnr.toFixed(1)} dB`;
  return [psnr, quality.ssim.toFixed(3), quality.delta_e.toFixed(2)];
}

function smallerText(before, after) {
  const { times, word } = changeOf(before, after);
  return word === "larger" ? `${times}× larger` : `${times}×`;
}

const line = (...cells) => element("tr", {}, ...cells);
const nameOf = (textContent, scope) => (textContent ? element("th", { textContent, scope }) : element("td"));

/** What is said in place of figures where there are none. */
const saying = (textContent, colSpan) => element("td", { className: "sentence", colSpan }, element("span", { textContent }));

/** Return the parts of a table in which each picture is a row. */
function inRows(pictures) {
  const head = line(...COLUMNS.map((text) => nameOf(text, "col")));
  const body = pictures.map(({ name, cells, sentence }) =>
    line(nameOf(name, "row"), ...(cells ?? [element("td"), saying(sentence, COLUMNS.length - 2)])),
  );
  return [element("thead", {}, head), element("tbody", {}, ...body)];
}

/** Return the parts of a table in which each picture is a column. */
function inColumns(all) {
  const pictures = all.filter(({ cells }) => cells);
  const said = all.filter(({ sentence }) => sentence).map(({ name, sentence }) => line(saying(`${name}: ${sentence}`, pictures.length + 1)));
  const head = line(element("td"), ...pictures.map(({ name }) => nameOf(name, "col")));
  const body = COLUMNS.slice(1).map((text, place) => line(nameOf(text, "row"), ...pictures.map(({ cells }) => cells[place])));
  return [element("thead", {}, head), element("tbody", {}, ...body, ...said)];
}

export class Figures {
  constructor(store, views) {
    this.store = store;
    this.views = views;
    this.palette = new Palette(byId("palette"), byId("palette-note"));
    NARROW.addEventListener("change", () => this.rows && this.#table());
    const isActive = (view) => view.number === store.state.active;
    views.onMade((view, isNew) => isActive(view) && isNew && this.#show(view));
    views.onRated((view) => isActive(view) && this.#rate(view));
    views.onFailed((view, error) => {
      if (!isActive(view) || view.figures) return;
      this.#name(error.photo ?? "");
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
    const pixels = (one, end) => `${one[`width${end}`]} × ${one[`height${end}`]}`;
    const photo = this.#picture("the photo", [null, pixels(figures, "_in"), bytesText(figures.bytes_in), "", "", "", "", ""]);
    const pictures = [photo, ...Object.values(this.rows).map((row) => this.#row(row, pixels(figures, "")))];
    const table = byId("figures-table");
    // A table that is made anew must not take the focus away.
    const focused = document.activeElement?.dataset?.codec;
    table.classList.toggle("columns", NARROW.matches);
    table.replaceChildren(...(NARROW.matches ? inColumns : inRows)(pictures));
    if (focused) table.querySelector(`[data-codec="${focused}"]`)?.focus();
  }

  #row(row, pixels) {
    const { name, bytes, quality, seconds, codec, failure } = row;
    if (failure && codec) return { name, sentence: failure };
    const exact = (count) => ({ textContent: bytesText(count), title: `${count.toLocaleString("en")} bytes` });
    const size = bytes ? [exact(bytes), smallerText(this.view.figures.bytes_in, bytes)] : ["…", "…"];
    const cells = [codec ? this.#button(row) : this.#download(), pixels, ...size];
    cells.push(...(failure ? ["–", "–", "–"].map((textContent) => ({ textContent, title: failure })) : qualityTexts(quality)));
    cells.push(seconds === undefined ? "" : secondsText(seconds));
    return this.#picture(name, cells);
  }

  #picture(name, cells) {
    const made = cells.map((cell) => {
      if (cell instanceof Node || cell === null) return element("td", {}, cell);
      return element("td", typeof cell === "object" ? cell : { textContent: cell });
    });
    return { name, cells: made };
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
}
