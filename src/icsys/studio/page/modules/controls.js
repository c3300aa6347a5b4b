// The controls of the settings: one for each option. They show the active view of the store, and change it.

import { colourGroup } from "./colour_controls.js";
import { element } from "./elements.js";
import { group, labelled, numberInput, numberProblem, select, setIdle, setProblem, setValue } from "./fields.js";
import { setOff } from "./focus.js";
import { sizeGroup } from "./size_controls.js";
import { idleReason, titleOf, valueWords } from "./words.js";

const NOT_ABOUT_VALUES = [0, 403, 503]; // no answer, an unknown page, too much to do

export class Controls {
  #updates = [];
  #controls = new Map(); // of each option, where what is wrong with it is said
  #changed = [];
  #wrong = null;

  constructor(store, form, fields, views) {
    this.store = store;
    this.fields = fields;
    this.views = views;
    form.addEventListener("submit", (event) => event.preventDefault());
    const reset = element("button", { type: "button", className: "reset", textContent: "Reset" });
    reset.title = "Take back all changes of these settings";
    reset.addEventListener("click", () => store.replace({}));
    this.onUpdate(() => setOff(reset, !Object.keys(store.state.views[store.state.active]).length));
    form.append(
      this.#copies(),
      colourGroup(this),
      sizeGroup(this),
      group("Write", this.choice("format")),
      this.#more(),
      reset,
    );
    store.onChange((before) => this.#update(before));
    views.onMade((view) => view.number === store.state.active && this.#say(null, ""));
    views.onFailed((view, error) => view.number === store.state.active && this.#blame(error));
  }

  /** Buttons that give the other views the settings of this one. */
  #copies() {
    const place = element("div", { className: "actions" });
    let shown = "";
    this.onUpdate(() => {
      const { views, active } = this.store.state;
      const wanted = `${views.length} ${active}`;
      if (wanted === shown) return;
      shown = wanted;
      const others = views.map((_, view) => view).filter((view) => view !== active);
      place.replaceChildren(...others.map((view) => {
        const button = element("button", { type: "button", textContent: `Copy to view ${view + 1}` });
        button.title = `Give view ${view + 1} the settings of view ${active + 1}`;
        button.addEventListener("click", () => this.store.copyTo(view));
        return button;
      }));
    });
    return place;
  }

  /** Call a function with all options after each change. */
  onUpdate(update) {
    this.#updates.push(update);
  }

  /** Say beside a control what is wrong with an option. */
  stands(name, control) {
    if (!this.#controls.has(name)) this.#controls.set(name, control);
  }

  /** Let a control change an option, and follow it. */
  bind(control, name, read = (value) => value) {
    this.stands(name, control);
    control.addEventListener("change", () => {
      const problem = numberProblem(control);
      setProblem(control, problem);
      if (problem) return;
      const value = control.type === "checkbox" ? control.checked : control.value;
      this.store.set({ [name]: value === "" ? null : read(value) });
    });
    this.onUpdate((options) => {
      const value = options[name] ?? this.fields[name].default ?? undefined;
      const isNew = control.tagName === "SELECT" && value !== undefined && ![...control.options].some((one) => one.value === value);
      if (isNew) control.append(element("option", { value, textContent: valueWords(name, value) }));
      setValue(control, value);
      setIdle(control, idleReason(this.fields[name], options), this.fields[name].help);
    });
    return control;
  }

  choice(name, choices = this.fields[name].choices) {
    const words = (value) => valueWords(name, value);
    return labelled(titleOf(name), this.bind(select(choices, words), name), this.fields[name].help);
  }

  #update(before) {
    const options = this.store.options();
    const last = before?.views[before.active] ?? {};
    const now = this.store.state.views[this.store.state.active];
    const { image, active } = this.store.state;
    const isOther = before?.image !== image || before?.active !== active;
    if (before && !isOther) {
      const names = new Set([...Object.keys(last), ...Object.keys(now)]);
      this.#changed = [...names].filter((name) => last[name] !== now[name]);
    } else this.#changed = [];
    for (const update of this.#updates) update(options);
  }

  /** Say what the server refuses beside the control that it is about: one that was just changed, or that it names. */
  #blame(error) {
    if (NOT_ABOUT_VALUES.includes(error.status)) return;
    if (error.status !== 400 && !this.#changed.length) return;
    if (error.message.startsWith("image ")) return; // about the photo
    const named = [...this.#controls.keys()].filter((name) => new RegExp(`\\b${name}\\b`).test(error.message));
    const name = this.#changed.find((one) => named.includes(one)) ?? this.#changed[0] ?? named[0];
    this.#say(this.#controls.get(name) ?? null, error.message);
  }

  #say(control, text) {
    if (this.#wrong) setProblem(this.#wrong, "");
    this.#wrong = control;
    if (control) setProblem(control, text);
  }

  /** The options that few people need, by their tables. */
  #more() {
    const rest = Object.entries(this.fields).filter(([name]) => !this.#controls.has(name));
    const made = rest.map(([name, field]) => labelled(titleOf(name), this.#control(name, field), field.help));
    return element("details", {}, element("summary", { textContent: "More" }), ...made);
  }

  #control(name, field) {
    if (field.kind === "choice") {
      const choices = field.default === null ? ["", ...field.choices] : field.choices;
      return this.bind(select(choices, (value) => (value ? valueWords(name, value) : "as usual")), name);
    }
    if (field.kind === "switch") return this.bind(element("input", { type: "checkbox" }), name);
    if (field.kind === "color") return this.bind(element("input", { type: "color" }), name);
    if (field.kind === "text") return this.bind(element("input", { type: "text", placeholder: field.metavar }), name);
    return this.bind(numberInput(field, field.kind === "whole" ? 1 : "any"), name, Number);
  }
}
