// How many colours a photo keeps, and how they are found.

import { element } from "./elements.js";
import { group, labelled, numberInput, numberProblem, select, setIdle, setProblem, setValue } from "./fields.js";
import { idleReason, titleOf } from "./words.js";

const SCOPES = ["image", "class", "dataset"];
const TARGETS = { min_ssim: "SSIM of at least", min_psnr: "PSNR of at least", max_delta_e: "CIEDE2000 of at most" };
const USUAL = { min_ssim: 0.95, min_psnr: 35, max_delta_e: 2 };
const NAMES = Object.keys(TARGETS);
const USUAL_COUNT = 32;
const MOST_BY_SLIDER = 256;

const withNumber = (colors) => ({
  colors,
  ...Object.fromEntries(NAMES.map((name) => [name, null])),
  per: null,
  quality_share: null,
  strict_quality: null,
});

export function colourGroup(controls) {
  const { store, fields } = controls;
  const number = numberInput(fields.colors, 1);
  const numberField = labelled(titleOf("colors"), number, fields.colors.help);
  number.addEventListener("change", () => {
    const problem = numberProblem(number);
    setProblem(number, problem);
    if (problem) return;
    if (number.value) store.set(withNumber(Number(number.value)));
    else setValue(number, store.options().colors);
  });
  controls.stands("colors", number);
  const slider = element("input", { type: "range", min: 0, max: Math.log2(MOST_BY_SLIDER), step: 0.05 });
  // The steps of the slider are shares; each must move it on by a whole colour where these are few.
  for (const event of ["input", "change"]) {
    slider.addEventListener(event, () => store.set(withNumber(Math.round(2 ** Number(slider.value)))));
  }
  slider.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    store.set(withNumber(Math.max(1, Math.min(MOST_BY_SLIDER, store.options().colors + step))));
  });
  const sliderField = labelled("K by slider", slider, "Number of different ones that each photo keeps, 1 to 256.");
  return group(
    "Reduce",
    controls.choice("strategy"),
    numberField,
    sliderField,
    ...autoFields(controls),
    ...followed(controls, number, slider),
    controls.choice("palette", SCOPES),
    controls.choice("space"),
    controls.choice("dither"),
    controls.choice("effort"),
  );
}

/** Let number and slider follow the options. */
function followed(controls, number, slider) {
  controls.onUpdate((options) => {
    const isAuto = options.colors === "auto";
    const reason = isAuto
      ? "A quality decides how few are enough; take the tick below away to choose the number."
      : idleReason(controls.fields.colors, options);
    setIdle(number, reason, controls.fields.colors.help);
    setIdle(slider, reason, "Number of different ones that each photo keeps, 1 to 256.");
    if (isAuto) return;
    setValue(number, options.colors);
    slider.value = Math.log2(Math.min(options.colors, MOST_BY_SLIDER));
    slider.setAttribute("aria-valuetext", String(options.colors));
  });
  return [];
}

/** The number of colours by a quality. */
function autoFields(controls) {
  const { store } = controls;
  const auto = element("input", { type: "checkbox" });
  const autoField = labelled("As few as a quality needs", auto, "Find the fewest that reach a quality, photo by photo.");
  autoField.classList.add("tick");
  auto.addEventListener("change", () => {
    store.set(auto.checked ? { colors: "auto", palette: "image" } : withNumber(USUAL_COUNT));
  });
  const target = select(NAMES, (name) => TARGETS[name]);
  const limit = element("input", { type: "number", min: 0, step: "any" });
  const chosen = (name, value) => Object.fromEntries(NAMES.map((one) => [one, one === name ? value : null]));
  target.addEventListener("change", () => store.set(chosen(target.value, USUAL[target.value])));
  limit.addEventListener("change", () => {
    const problem = numberProblem(limit);
    setProblem(limit, problem);
    if (!problem && limit.value) store.set(chosen(target.value, Number(limit.value)));
  });
  const parts = [labelled("Quality by", target), labelled("Limit", limit)];
  for (const name of NAMES) controls.stands(name, limit);
  controls.onUpdate((options) => {
    auto.checked = options.colors === "auto";
    setIdle(auto, idleReason(controls.fields.colors, options), "Find the fewest that reach a quality, photo by photo.");
    const name = NAMES.find((one) => options[one] !== undefined) ?? NAMES[0];
    target.value = name;
    setValue(limit, options[name] ?? USUAL[name]);
    for (const part of parts) part.hidden = options.colors !== "auto";
  });
  return [autoField, ...parts];
}
