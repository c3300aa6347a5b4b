// The size of the outputs: by blocks, by a factor, or a final size.

import { element } from "./elements.js";
import { group, labelled, numberInput, numberProblem, select, setIdle, setProblem, setValue } from "./fields.js";
import { titleOf } from "./words.js";

const WAYS = { step: "blocks of pixels", scale: "a factor", size: "a final size" };
const USUAL = { step: 5, scale: 0.2, size: "224x224" };
const USUAL_SIDES = [32, 64, 96, 128, 224, 256, 384, 512];
const MOST_SIDE = 65535;

export function sizeGroup(controls) {
  const { store, fields, views } = controls;
  const way = select(Object.keys(WAYS), (name) => WAYS[name]);
  way.addEventListener("change", () => store.set({ [way.value]: USUAL[way.value] }));
  const step = controls.bind(numberInput({ low: 1, high: MOST_SIDE }, 1), "step", Number);
  const scale = controls.bind(element("input", { type: "number", min: 0.001, max: 1, step: "any" }), "scale", Number);
  const parts = {
    step: labelled(titleOf("step"), step, fields.step.help),
    scale: labelled(titleOf("scale"), scale, fields.scale.help),
  };
  const sides = sideInputs(controls);
  controls.onUpdate((options) => {
    way.value = ["size", "scale"].find((name) => options[name] !== undefined) ?? "step";
    // A final size leaves the blocks where they are, though off: the field that is typed in stays where it is.
    parts.step.hidden = way.value === "scale";
    parts.scale.hidden = way.value !== "scale";
    setIdle(step, way.value === "step" ? "" : `This has an effect only by ${WAYS.step}.`, fields.step.help);
  });
  // Where the size follows from something else, the fields show what comes out of it.
  views.onMade((view) => {
    if (view.number !== store.state.active) return;
    sides.forEach((side, place) => (side.placeholder = [view.figures.width, view.figures.height][place]));
  });
  const list = element("datalist", { id: "sides" }, ...USUAL_SIDES.map((value) => element("option", { value })));
  return group(
    "Resize",
    labelled("By", way, "How the size of the outputs is given"),
    parts.step,
    parts.scale,
    element("div", { className: "pair" }, labelled("Width", sides[0]), labelled("Height", sides[1])),
    list,
    controls.choice("fit"),
    controls.choice("resample"),
  );
}

function sideInputs(controls) {
  const { store } = controls;
  const sides = [0, 1].map(() => element("input", { type: "number", min: 1, max: MOST_SIDE, step: 1, list: "sides" }));
  for (const side of sides) {
    side.addEventListener("change", () => {
      const problem = numberProblem(side);
      setProblem(side, problem);
      if (problem) return;
      const given = sides.map((one) => one.value).filter(Boolean);
      if (given.length === 0) store.set({ step: USUAL.step });
      else if (side.value) store.set({ size: given.length === 2 ? given.join("x") : `${given[0]}x${given[0]}` });
      else show(store.options());
    });
  }
  const show = (options) => {
    const size = String(options.size ?? "").split("x");
    sides.forEach((side, place) => setValue(side, size[place] ?? size[0]));
  };
  controls.stands("size", sides[0]);
  controls.onUpdate(show);
  return sides;
}
