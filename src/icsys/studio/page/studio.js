// The page of the studio: brings the modules together.

import { ask } from "./modules/api.js";
import { Controls } from "./modules/controls.js";
import { Cost } from "./modules/cost.js";
import { Frontier } from "./modules/frontier.js";
import { Figures } from "./modules/figures.js";
import { Grid } from "./modules/grid.js";
import { InspectionView } from "./modules/inspection.js";
import { isTyping } from "./modules/fields.js";
import { keepFocus, setOff } from "./modules/focus.js";
import { Learn } from "./modules/learn.js";
import { LeftOut } from "./modules/left_out.js";
import { renewOften } from "./modules/renewal.js";
import { Run } from "./modules/run.js";
import { Picked } from "./modules/picked.js";
import { Presets } from "./modules/presets.js";
import { Steps } from "./modules/steps.js";
import { Store } from "./modules/store.js";
import { Take } from "./modules/take.js";
import { Views } from "./modules/views.js";
import { byId, notice, pathParts } from "./modules/elements.js";

const state = await ask("state");
byId("source").replaceChildren(...pathParts(state.source));
const store = new Store(state.options, state.settings, state.destination, state.kept);
const views = new Views(store, byId("views"), state.fields);
new Controls(store, byId("controls"), state.fields, views);
const grid = new Grid(store, byId("grid"));
const steps = new Steps(store, grid);
grid.onListed = (found) => {
  views.listed(found);
  steps.show();
};
const leftOut = new LeftOut(store, grid);
new Figures(store, views);
const picked = new Picked(store, views);
const cost = new Cost(store);
new Frontier(store);
new InspectionView(store);
const run = new Run(store);
const learn = new Learn(store);
const presets = new Presets(store, new Take(store));

renewOften([grid, views, cost, run, learn, presets], [grid, views, cost, leftOut, picked]);

for (const [name, action] of Object.entries({
  undo: () => store.undo(),
  redo: () => store.redo(),
  toggle: () => store.toggle(),
})) {
  byId(name).addEventListener("click", action);
}
store.onChange(() => {
  setOff(byId("undo"), !store.canUndo);
  setOff(byId("redo"), !store.canRedo);
  setOff(byId("toggle"), !store.canToggle);
});

document.addEventListener("keydown", (event) => {
  const { target } = event;
  const isText = target.matches("input:not([type=range], [type=checkbox], [type=color]), textarea");
  const key = event.key.toLowerCase();
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if ((event.ctrlKey || event.metaKey) && key === "z") {
    // A text that is still being typed has an undo of its own.
    if (isText && (isTyping(target) || !target.closest("#controls"))) return;
    event.shiftKey ? store.redo() : store.undo();
    event.preventDefault();
  } else if (isPlain && !isText && target.tagName !== "SELECT") {
    if (key === "b") store.toggle();
    else if (key === "k") store.pick();
    else steps.press(key);
  }
});
// The address holds the state, so links within the page leave it alone.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (!link) return;
  event.preventDefault();
  const target = byId(link.getAttribute("href").slice(1));
  target.tabIndex = -1;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "start" });
});
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  notice(event.reason?.message ?? String(event.reason));
});
keepFocus();
store.begin();
