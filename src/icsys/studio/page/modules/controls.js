// The controls of the settings: one for each option. They show the active view of the store, and change it.

import { element } from "./elements.js";

const WORDS = {
  MKM: "MKM: our K-means",
  FKM: "FKM: full K-means of scikit-learn",
  MBKM: "MBKM: its mini-batch K-means",
  SO: "SO: size only, all colours",
  image: "each photo has its own",
  class: "one for each class",
  dataset: "one for all photos",
  srgb: "sRGB",
  oklab: "Oklab, closer to what people see",
};
const TITLES = {
  strategy: "Strategy",
  colors: "Colours",
  effort: "Effort",
  space: "Colour space",
  dither: "Dithering",
  palette: "Palette",
  fit: "Fit",
  resample: "Resampling",
  format: "Format",
  min_psnr: "PSNR of at least (dB)",
  min_ssim: "SSIM of at least",
  max_delta_e: "CIEDE2000 of at most",
};
const SCOPES = ["image", "class", "dataset"];
const TARGETS = ["min_ssim", "min_psnr", "max_delta_e"];
const USUAL = { min_ssim: 0.95, min_psnr: 35, max_delta_e: 2 };
const MAIN = ["strategy", "colors", ...TARGETS, "effort", "space", "dither", "palette", "step", "scale", "size", "fit"];
const SHOWN = [...MAIN, "resample", "format"];
const LARGEST_BY_SLIDER = 256;

let count = 0;

/** Return a label beside a control. */
function labelled(title, control, help = "") {
  control.id ||= `control-${(count += 1)}`;
  const label = element("label", { for: control.id, textContent: title });
  if (help) control.title = help;
  return element("div", { className: "field" }, label, control);
}

function select(choices, words = WORDS) {
  return element("select", {}, ...choices.map((value) => element("option", { value, textContent: words[value] ?? value })));
}

const numberInput = (form, step) =>
  element("input", { type: "number", min: form.low, max: form.high, step, inputMode: "decimal" });

export class Controls {
  #updates = [];

  constructor(store, form, fields) {
    this.store = store;
    this.fields = fields;
    this.form = form;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.append(this.#colours(), this.#size(), this.#output(), this.#more());
    store.onChange(() => this.update());
  }

  update() {
    const options = this.store.options();
    for (const update of this.#updates) update(options);
  }

  /** Let a control change an option, and follow it. */
  #bind(control, name, { read = (value) => value, write = (value) => value, event = "change" } = {}) {
    control.addEventListener(event, () => {
      if (control.validity && !control.validity.valid) {
        control.reportValidity();
        return;
      }
      const value = control.type === "checkbox" ? control.checked : control.value;
      this.store.set({ [name]: value === "" ? null : read(value) });
    });
    this.#updates.push((options) => {
      const value = options[name];
      if (control.type === "checkbox") control.checked = Boolean(value);
      else if (document.activeElement !== control || control.tagName === "SELECT" || control.type === "range") {
        control.value = value === undefined ? "" : write(value);
      }
      control.disabled = !this.#hasEffect(name, options);
    });
    return control;
  }

  #hasEffect(name, options) {
    const { needs, formats, auto } = this.fields[name];
    if (auto && options.colors !== "auto") return false;
    if (formats && !formats.includes(options.format)) return false;
    if (!needs) return true;
    const value = options[needs.field];
    return needs.values.length ? needs.values.includes(value) : value !== undefined;
  }

  #choice(name, choices = this.fields[name].choices) {
    return labelled(TITLES[name], this.#bind(select(choices), name), this.fields[name].help);
  }

  #group(title, ...children) {
    return element("fieldset", {}, element("legend", { textContent: title }), ...children);
  }

  #colours() {
    const number = numberInput(this.fields.colors, 1);
    number.addEventListener("change", () => {
      if (number.value && number.reportValidity()) this.store.set(this.#withNumber(Number(number.value)));
    });
    const slider = element("input", { type: "range", min: 0, max: 8, step: 0.05 });
    slider.addEventListener("input", () => this.store.set(this.#withNumber(Math.round(2 ** Number(slider.value)))));
    const auto = element("input", { type: "checkbox" });
    auto.addEventListener("change", () => {
      this.store.set(auto.checked ? { colors: "auto", palette: null } : this.#withNumber(32));
    });
    const target = select(TARGETS, { min_ssim: "SSIM", min_psnr: "PSNR", max_delta_e: "CIEDE2000" });
    const value = element("input", { type: "number", min: 0, step: "any" });
    const chosen = (name, limit) =>
      Object.fromEntries(TARGETS.map((one) => [one, one === name ? limit : null]));
    target.addEventListener("change", () => this.store.set(chosen(target.value, USUAL[target.value])));
    value.addEventListener("change", () => this.store.set(chosen(target.value, Number(value.value))));
    const fields = [labelled("Quality by", target), labelled("Limit", value)];
    this.#updates.push((options) => {
      const isAuto = options.colors === "auto";
      const reduces = options.strategy !== "SO";
      auto.checked = isAuto;
      number.disabled = slider.disabled = isAuto || !reduces;
      auto.disabled = !reduces;
      if (!isAuto) {
        if (document.activeElement !== number) number.value = options.colors;
        slider.value = Math.log2(Math.min(options.colors, LARGEST_BY_SLIDER));
        slider.setAttribute("aria-valuetext", String(options.colors));
      }
      const name = TARGETS.find((one) => options[one] !== undefined) ?? TARGETS[0];
      target.value = name;
      value.value = options[name] ?? USUAL[name];
      for (const field of fields) field.hidden = !isAuto;
    });
    return this.#group(
      "Reduce",
      this.#choice("strategy"),
      labelled(TITLES.colors, number, this.fields.colors.help),
      labelled("K by slider", slider),
      labelled("As few as a quality needs", auto),
      ...fields,
      this.#choice("palette", SCOPES),
      this.#choice("space"),
      this.#choice("dither"),
      this.#choice("effort"),
    );
  }

  #withNumber(colors) {
    return { colors, ...Object.fromEntries(TARGETS.map((name) => [name, null])), per: null, quality_share: null };
  }

  #size() {
    const way = select(["step", "scale", "size"], {
      step: "one pixel for every block",
      scale: "a factor",
      size: "a final size",
    });
    const step = this.#bind(numberInput({ low: 1, high: 100 }, 1), "step", { read: Number });
    const scale = this.#bind(element("input", { type: "number", min: 0.01, max: 1, step: "any" }), "scale", {
      read: Number,
    });
    const sides = [0, 1].map(() => element("input", { type: "number", min: 1, max: 65535, step: 1 }));
    const sizes = element("datalist", { id: "sides" }, ...[32, 64, 96, 128, 224, 256, 384, 512].map((value) =>
      element("option", { value }),
    ));
    for (const side of sides) {
      side.setAttribute("list", "sides");
      side.addEventListener("change", () => {
        if (!side.value || !side.reportValidity()) return;
        const given = sides.map((one) => one.value || side.value);
        this.store.set({ size: given.join("x") });
      });
    }
    way.addEventListener("change", () => {
      const usual = { step: 5, scale: 0.2, size: "224x224" };
      this.store.set({ [way.value]: usual[way.value] });
    });
    const parts = {
      step: labelled("Block", step, this.fields.step.help),
      scale: labelled("Factor", scale, this.fields.scale.help),
    };
    this.#updates.push((options) => {
      way.value = ["size", "scale"].find((name) => options[name] !== undefined) ?? "step";
      for (const [name, part] of Object.entries(parts)) part.hidden = name !== way.value;
      const size = String(options.size ?? "").split("x");
      sides.forEach((side, place) => {
        if (document.activeElement !== side) side.value = size[place] ?? "";
      });
    });
    return this.#group(
      "Resize",
      labelled("By", way),
      parts.step,
      parts.scale,
      element("div", { className: "pair" }, labelled("Width", sides[0]), labelled("Height", sides[1])),
      sizes,
      this.#choice("fit"),
      this.#choice("resample"),
    );
  }

  #output() {
    return this.#group("Write", this.#choice("format"));
  }

  /** The options that few people need, by their tables. */
  #more() {
    const rest = Object.entries(this.fields).filter(([name, field]) => !SHOWN.includes(name) && !field.auto);
    const made = rest.map(([name, field]) => {
      const title = name.replaceAll("_", " ");
      return labelled(title[0].toUpperCase() + title.slice(1), this.#control(name, field), field.help);
    });
    return element("details", {}, element("summary", { textContent: "More" }), ...made);
  }

  #control(name, field) {
    if (field.kind === "choice") return this.#bind(select(field.choices), name);
    if (field.kind === "switch") return this.#bind(element("input", { type: "checkbox" }), name);
    if (field.kind === "color") return this.#bind(element("input", { type: "color" }), name);
    if (field.kind === "text") return this.#bind(element("input", { type: "text", placeholder: field.metavar }), name);
    return this.#bind(numberInput(field, field.kind === "whole" ? 1 : "any"), name, { read: Number });
  }
}
