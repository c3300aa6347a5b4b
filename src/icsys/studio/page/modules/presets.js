// Presets: sizes that come with the page, and options that the user keeps by name.

import { ask } from "./api.js";
import { byId, element } from "./elements.js";
import { setOff } from "./focus.js";

const NONE = "";

/** Return whether all options of a preset are those of now. */
const holds = (options, preset) => Object.entries(preset).every(([name, value]) => options[name] === value);

/** Return whether options are the same, to the last one. */
const same = (a, b) => holds(a, b) && Object.keys(a).length === Object.keys(b).length;

export class Presets {
  #own = {};
  #sizes = [];
  #options = null;

  constructor(store, take) {
    this.store = store;
    this.select = byId("preset");
    this.name = byId("preset-name");
    this.said = byId("preset-note");
    this.remove = byId("preset-delete");
    this.select.addEventListener("change", () => this.#choose());
    this.remove.addEventListener("click", () => this.#delete());
    byId("preset-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    take.onRead((options) => {
      this.#options = options;
      this.#follow();
    });
    store.onChange(() => (this.said.textContent = ""));
    this.#load();
  }

  async #load() {
    await this.#take(ask("presets"));
  }

  /** Take over what another page, or another studio, has kept. */
  async renew() {
    const found = await ask("presets").catch(() => null);
    if (found && JSON.stringify(found.presets) !== JSON.stringify(this.#own)) await this.#take(found);
  }

  /** Show what the server answers, or why it does not. */
  async #take(answer, said = "") {
    try {
      const { presets, sizes, problem } = await answer;
      // A prototype of null: a preset may be named as a method of objects.
      this.#own = Object.assign(Object.create(null), presets);
      this.#sizes = sizes;
      this.said.textContent = [said, problem].filter(Boolean).join(" ");
      this.#list();
      return true;
    } catch (error) {
      this.said.textContent = error.message;
      return false;
    }
  }

  #list() {
    const own = Object.keys(this.#own).map((name) =>
      element("option", { value: `own:${name}`, textContent: name, dir: "auto" }),
    );
    const sizes = this.#sizes.map(({ name }, place) => element("option", { value: `size:${place}`, textContent: name }));
    this.select.replaceChildren(
      element("option", { value: NONE, textContent: "none of these" }),
      ...(own.length ? [element("optgroup", { label: "Yours" }, ...own)] : []),
      element("optgroup", { label: "Sizes" }, ...sizes),
    );
    this.#follow();
  }

  /** Choose the preset that the present options are. */
  #follow() {
    const options = this.#options ?? {};
    const own = Object.keys(this.#own).find((name) => same(options, this.#own[name]));
    const size = this.#sizes.findIndex((preset) => holds(options, preset.options));
    this.select.value = own !== undefined ? `own:${own}` : size >= 0 ? `size:${size}` : NONE;
    setOff(this.remove, own === undefined);
  }

  #choose() {
    const [kind, ...rest] = this.select.value.split(":");
    const name = rest.join(":");
    if (kind === "own") this.store.take(this.#own[name]);
    else if (kind === "size") this.store.set(this.#sizes[Number(name)].options);
    else this.#follow();
  }

  async #save() {
    const name = this.name.value;
    const isNew = !(name.trim() in this.#own);
    const saved = ask("presets", { name, options: this.store.options() }, "PUT");
    if (await this.#take(saved, isNew ? "Saved." : "Saved in the place of the older one.")) this.name.value = "";
  }

  async #delete() {
    const name = this.select.value.slice("own:".length);
    const said = "Deleted. Its options are still shown: save them again to bring it back.";
    if (await this.#take(ask("presets", { name }, "DELETE"), said)) this.name.value = name;
  }
}
