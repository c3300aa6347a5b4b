// What an inspection finds in the set: one line above the photos, and more behind it.

import { ask } from "./api.js";
import { byId, bytesText, element, notice, pathOf, pathParts } from "./elements.js";
import { onEvent } from "./events.js";

const MOST_NAMED = 6; // classes, formats and the like

const count = (number) => number.toLocaleString("en");
const many = (number, one) => `${count(number)} ${one}${number === 1 ? "" : "s"}`;

/** Return names with their numbers of images: JPEG (12), PNG (3), … */
function countsText({ names, first }) {
  const shown = first.slice(0, MOST_NAMED).map(([name, number]) => `${name} (${count(number)})`);
  return names > shown.length ? `${shown.join(", ")}, and ${count(names - shown.length)} more` : shown.join(", ");
}

const filesText = ({ files, forms }) => {
  const shown = Object.entries(forms ?? {}).map(([form, number]) => `${form} (${count(number)})`);
  return `${many(files, "file")}${shown.length ? `: ${shown.join(", ")}` : ""}`;
};

export class InspectionView {
  constructor(store) {
    this.store = store;
    this.button = byId("inspect");
    this.button.addEventListener("click", () => this.#press());
    onEvent("inspection", (found) => this.#show(found));
    onEvent("source", ({ edition }) => {
      this.edition = edition;
      if (this.found) this.#show(this.found);
    });
  }

  async #press() {
    try {
      await ask("inspection", this.isRunning ? undefined : {}, this.isRunning ? "DELETE" : "POST");
    } catch (error) {
      notice(error.message);
    }
  }

  #show(found) {
    this.found = found;
    this.isRunning = found.state === "running";
    this.button.textContent = this.isRunning ? "End" : found.state === "done" ? "Inspect again" : "Inspect";
    this.button.setAttribute("aria-label", this.isRunning ? "End inspection" : this.button.textContent);
    const hasFound = found.state === "done" || found.state === "stopped";
    byId("inspect-intro").hidden = hasFound;
    byId("found").hidden = !hasFound;
    if (hasFound) this.#tell(found);
    else byId("inspect-intro").textContent = this.#progress(found);
  }

  #progress({ state, done, total, note, error }) {
    if (state === "failed") return error;
    return `${note}: ${count(done ?? 0)}${total ? ` of ${count(total)}` : ""}`;
  }

  #tell(found) {
    const problems = [
      [found.broken.images, `${count(found.broken.images)} broken`],
      [found.duplicates.groups, many(found.duplicates.groups, "group") + " of equal files"],
      [found.near_duplicates.groups, many(found.near_duplicates.groups, "group") + " of near duplicates"],
      [found.leaks.groups, many(found.leaks.groups, "leak") + " across splits"],
    ].filter(([number]) => number);
    const some = found.state === "stopped" ? "Until it was ended: " : "";
    const fine = some ? "nothing broken, no duplicates" : "Nothing broken, no duplicates";
    const isOlder = (this.edition ?? 0) > found.edition;
    const older = isOlder ? "; photos have changed since" : "";
    byId("found-line").textContent = some + (problems.map(([, text]) => text).join(", ") || fine) + older;
    byId("found").classList.toggle("bad", problems.length > 0);
    byId("found-facts").replaceChildren(...this.#facts(found));
    byId("found-lists").replaceChildren(...this.#lists(found));
  }

  #facts(found) {
    const facts = [
      ["Images", `${count(found.images)}, ${bytesText(found.bytes)}`],
      ["Formats", countsText(found.formats)],
      ["Sides", found.sizes],
      ["Classes", found.classes.names ? countsText(found.classes) : ""],
      ["Splits", found.splits.names ? countsText(found.splits) : ""],
      ["Masks", found.masks.files ? filesText(found.masks) : ""],
      ["Labels", found.annotations.files ? filesText(found.annotations) : ""],
      ["Beside", found.sidecars.files ? filesText(found.sidecars) : ""],
      ["Animated", found.animated ? count(found.animated) : ""],
    ];
    return facts
      .filter(([, text]) => text)
      .flatMap(([name, text]) => [element("dt", { textContent: name }), element("dd", { textContent: text, dir: "auto" })]);
  }

  #lists(found) {
    const broken = found.broken.first.map((one) => this.#item([one], one.message));
    const each = (images) => images.map((one) => this.#item([one], ""));
    const groups = ({ first }) => first.map((group) => this.#item(group.images, this.#more(group)));
    return [
      ["Broken", broken, found.broken.images],
      ["Leaks across splits", groups(found.leaks), found.leaks.groups],
      ["Equal files", groups(found.duplicates), found.duplicates.groups],
      ["Near duplicates", groups(found.near_duplicates), found.near_duplicates.groups],
      ["Darkest", each(found.darkest), found.darkest.length],
      ["Blurriest", each(found.blurriest), found.blurriest.length],
    ]
      .filter(([, items]) => items.length)
      .flatMap(([title, items, all]) => [
        element("h3", { textContent: all > items.length ? `${title}: ${items.length} of ${count(all)}` : title }),
        element("ul", {}, ...items),
      ]);
  }

  #more({ count: all, images }) {
    return all > images.length ? `and ${count(all - images.length)} more` : "";
  }

  /** Return an item with photos that a press shows, and a text behind them. */
  #item(images, text) {
    const names = images.map(({ name, image }) => {
      if (image === null) return pathOf(name);
      // It leads to a photo, and has a name that the user gave it: no button that does something is found by it.
      const properties = { type: "button", role: "link", className: "link", dir: "ltr" };
      const button = element("button", properties, ...pathParts(name));
      button.addEventListener("click", () => this.store.show(image));
      return button;
    });
    return element("li", {}, ...names.map((name) => element("div", {}, name)), text);
  }
}
