// One view of the photo with settings of its own: before and after behind a divider, and what they come to.

import { PAGE, ask, isReplaced } from "./api.js";
import { byId, bytesText, element, tied } from "./elements.js";

const PATIENCE = 300; // milliseconds after which a view says that it is busy, and a newer wish is sent as well
const MOST_AT_ONCE = 2;
const REST = 250; // milliseconds without a change before the quality is measured
const AGAIN = 1000; // milliseconds until a preview that is not final is asked for again
const NO_PHOTO = "There is no photo in this folder. Open the studio with another one: ics studio FOLDER";
const GEOMETRY = ["step", "scale", "size", "fit", "enlarge", "resample", "background", "alpha"];

async function loaded(className, alt, address) {
  const made = element("img", { className, alt, draggable: false, fetchPriority: "high", src: address });
  await made.decode();
  return made;
}

const blank = (className, alt) => element("img", { className, alt, draggable: false, hidden: true });

/** The share by which an output is smaller or larger than the file of the photo. */
function savedText({ bytes, bytes_in: bytesIn }) {
  const share = 1 - bytes / bytesIn;
  if (Math.abs(share) < 0.005) return "as large as the photo";
  if (bytes >= 2 * bytesIn) return `${(bytes / bytesIn).toPrecision(2)} times as large as the photo`;
  const percent = Math.abs(share) * 100;
  return `${share >= 0.99 ? percent.toFixed(1) : Math.round(percent)} % ${share > 0 ? "smaller" : "larger"}`;
}

export class View {
  #wanted = null;
  #sent = "";
  #count = 0; // requests so far
  #shown = 0; // the request whose answer is shown
  #flying = new Map(); // the time of each request that is not answered yet
  #pending = 0; // these requests, and pictures of the left side that are on their way
  #befores = 0; // pictures of the left side so far
  #beforeName = "";
  #again = 0;
  #rating = 0;

  constructor(views, number) {
    this.views = views;
    this.number = number;
    this.before = blank("before", "Before");
    this.after = blank("after", "After");
    this.marks = element("canvas", { className: "marks", hidden: true });
    this.picture = element("div", { className: "picture" }, this.before, this.after, this.marks);
    this.tags = ["before", "after"].map((side) => element("span", { className: `tag ${side}`, "aria-hidden": "true" }));
    const knob = element("span", { className: "knob", "aria-hidden": "true" });
    this.frame = element("div", { className: "frame alone", tabIndex: 0, role: "group" }, this.picture, knob, ...this.tags);
    this.frame.setAttribute("aria-label", `Picture ${number + 1}: arrows move, plus and minus zoom`);
    this.select = element("button", { type: "button", className: "select", textContent: `View ${number + 1}` });
    this.summary = element("span", { className: "summary" });
    this.remove = element("button", { type: "button", className: "remove", textContent: "×" });
    this.remove.title = `Remove view ${number + 1}`;
    this.remove.setAttribute("aria-label", this.remove.title);
    this.note = element("p", { className: "note", role: "status" });
    this.problem = element("p", { className: "problem", role: "alert" });
    const choose = element("div", { className: "choose" }, this.select, this.summary);
    const footer = element("footer", {}, choose, this.remove);
    this.place = element("article", { className: "view" }, this.frame, footer, this.note, this.problem);
    this.place.setAttribute("aria-label", `View ${number + 1}`);
    choose.addEventListener("click", () => views.store.activate(this.number));
    this.frame.addEventListener("pointerdown", () => views.store.activate(this.number));
    this.remove.addEventListener("click", () => views.store.removeView(this.number));
    new ResizeObserver(() => views.layOut()).observe(this.frame);
  }

  /** The codec that is shown in place of the output, if one is. */
  get codec() {
    return this.lossy?.codec ?? null;
  }

  get naturalWidth() {
    return this.after.naturalWidth;
  }

  get naturalHeight() {
    return this.after.naturalHeight;
  }

  /** Ask for a photo with options; the newest wish counts. */
  show(image, options) {
    const text = JSON.stringify([image, options]);
    if (this.#wanted?.text === text) return;
    this.#wanted = { image, options, text };
    this.#go();
  }

  /** Ask again for what is shown: the photo may be another one by now. */
  renew() {
    if (this.#wanted && !this.#flying.size && !this.isMissing) this.#request({ ...this.#wanted, isRenewal: true });
  }

  /** Ask again for a photo that was not listed yet, or say that there is none. */
  listed({ total, complete }) {
    if (!this.isMissing) return;
    if (this.#wanted.image < total) this.#request(this.#wanted);
    else if (!complete) this.problem.textContent = "";
    else this.problem.textContent = total ? "There is no such photo here." : NO_PHOTO;
  }

  /** Show another kind of picture on the left side. */
  renewBefore() {
    if (this.figures) this.#loadBefore(this.figures, this.options);
  }

  /** Show a codec at equal bytes, from its row of the figures, in place of the output; null shows the output again. */
  async showCodec(lossy) {
    this.lossy = lossy;
    const after = await loaded("after", "After", `/api/preview/${(lossy ?? this).key}/after`);
    if (this.lossy !== lossy) return;
    this.#putAfter(after);
    this.tags[1].textContent = lossy?.name ?? this.#result();
    this.describe();
    this.views.layOut();
  }

  close() {
    this.#shown = Infinity;
    clearTimeout(this.#again);
    clearTimeout(this.#rating);
    this.place.remove();
  }

  #go() {
    if (this.#wanted.text === this.#sent || this.#flying.size >= MOST_AT_ONCE) return;
    const [began] = this.#flying.values();
    if (began !== undefined && performance.now() - began < PATIENCE) return;
    this.#request(this.#wanted);
  }

  async #request(wish) {
    const number = (this.#count += 1);
    this.#sent = wish.text;
    this.#flying.set(number, performance.now());
    clearTimeout(this.#again);
    const timer = this.#begun();
    try {
      const found = await ask("preview", { image: wish.image, options: wish.options, slot: this.#slot });
      const after = await loaded("after", "After", `/api/preview/${found.key}/after`);
      if (number > this.#shown) this.#put(number, found, wish, after);
    } catch (error) {
      if (number > this.#shown && !isReplaced(error)) this.#fail(number, error, wish);
    } finally {
      this.#flying.delete(number);
      this.#ended(timer);
      this.#go();
    }
  }

  get #slot() {
    return `${PAGE}-${this.number}`;
  }

  /** Something is on its way: if that takes long, the view says that it is busy until all has come. */
  #begun() {
    this.#pending += 1;
    return setTimeout(() => {
      this.place.setAttribute("aria-busy", "true");
      this.#go();
    }, PATIENCE);
  }

  #ended(timer) {
    clearTimeout(timer);
    this.#pending -= 1;
    if (!this.#pending) this.place.removeAttribute("aria-busy");
  }

  #put(number, found, wish, after) {
    this.#shown = number;
    this.isMissing = false;
    this.place.classList.remove("failed", "empty");
    this.problem.textContent = "";
    this.#tellNote(found);
    if (this.figures && this.key === found.key && (wish.isRenewal || !this.codec)) {
      this.options = wish.options;
      this.views.made(this, false);
      return;
    }
    if (this.figures?.image !== found.image || this.figures.version !== found.version) {
      this.before.hidden = true;
      this.#beforeName = "";
    }
    Object.assign(this, { key: found.key, figures: found, options: wish.options, lossy: null, quality: null });
    this.#putAfter(after);
    this.tags[1].textContent = this.#result();
    this.views.describe();
    this.#loadBefore(found, wish.options);
    this.views.layOut();
    this.views.made(this, true);
    clearTimeout(this.#rating);
    this.#rating = setTimeout(() => this.#rate(found.key), REST);
  }

  async #rate(key) {
    let quality;
    try {
      quality = await ask(`preview/${key}/quality?slot=${this.#slot}`);
    } catch (error) {
      if (isReplaced(error)) return;
      if (error.code === "changed" && this.key === key) this.renew();
      quality = { failure: error.message };
    }
    if (this.key !== key) return;
    this.quality = quality;
    this.describe();
    this.views.rated(this);
  }

  #tellNote(found) {
    const { progress } = found;
    const isOnTheWay = typeof progress === "number" && progress < 1;
    const done = isOnTheWay ? `${Math.floor(progress * 100)} % done.` : "";
    const kept = found.kept_source ? "The file of the photo itself is kept: it is smaller." : "";
    this.note.textContent = [found.note, done, found.warning, kept].filter(Boolean).join(" ");
    // What the preview needs is being made, such as a palette of all photos: it comes closer to a run by itself.
    if (isOnTheWay) this.#again = setTimeout(() => this.#request(this.#wanted), AGAIN);
  }

  #putAfter(after) {
    this.after.replaceWith(after);
    this.after = after;
    this.picture.classList.toggle("clear", this.options.alpha === "keep");
    this.marks.hidden = true;
    this.frame.classList.remove("marking");
  }

  #fail(number, error, wish) {
    this.#shown = number;
    const isOther = this.figures?.image !== wish.image;
    // Photos are listed while the page is shown already.
    this.isMissing = error.status === 400 && error.message.startsWith(`image ${wish.image}:`);
    this.place.classList.add("failed");
    this.place.classList.toggle("empty", isOther);
    this.problem.textContent = error.message;
    if (isOther) {
      this.figures = null;
      this.summary.textContent = "";
      this.note.textContent = "";
    }
    this.views.failed(this, error);
  }

  async #loadBefore(found, options) {
    const isOriginal = byId("reference").value === "original";
    const geometry = isOriginal ? options.fit : GEOMETRY.map((name) => options[name]);
    const name = JSON.stringify([found.image, found.version, isOriginal, geometry]);
    if (name === this.#beforeName) return;
    this.#beforeName = name;
    const address = isOriginal
      ? `/api/images/${found.image}/original?version=${found.version}`
      : `/api/preview/${found.key}/before?slot=${this.#slot}-${(this.#befores += 1)}`;
    const timer = this.#begun();
    try {
      const before = await loaded("before", "Before", address);
      if (name !== this.#beforeName) return;
      // The whole photo has the shape of its file: it is cropped or padded as the output is.
      const shapes = { cover: "cover", pad: "contain" };
      before.style.objectFit = isOriginal && options.size !== undefined ? (shapes[options.fit] ?? "fill") : "fill";
      this.before.replaceWith(before);
      this.before = before;
      this.tags[0].textContent = isOriginal ? "the photo itself" : "resized photo";
    } catch {
      if (name === this.#beforeName) this.#beforeName = "";
    } finally {
      this.#ended(timer);
    }
    this.views.layOut();
  }

  #colors() {
    const { colors } = this.figures;
    return colors === null ? "all colours" : `${colors} ${colors === 1 ? "colour" : "colours"}`;
  }

  /** What stands on the right side. */
  #result() {
    return `result, ${this.#colors()}`;
  }

  /** Say what the picture comes to, and how its settings differ from those of the other views. */
  describe() {
    if (!this.figures) return;
    const { width, height, bytes_in } = this.figures;
    const { bytes } = this.lossy ?? this.figures;
    const { quality } = this.lossy ?? this;
    const more = this.lossy ? [] : this.views.differences(this.number);
    const words = [this.lossy?.name ?? this.#colors(), `${width} × ${height}`, ...more].join(", ");
    const ssim = quality?.ssim === undefined ? "" : `, SSIM ${quality.ssim.toFixed(3)}`;
    const text = `${words}: ${bytesText(bytes)}, ${savedText({ bytes, bytes_in })}${ssim}`;
    this.summary.textContent = tied(text);
  }
}
