// The photo before and the one after, in the order of the grid: by buttons beside its name, and by keys from anywhere.

import { byId } from "./elements.js";
import { setOff } from "./focus.js";

const STEPS = { previous: -1, next: 1 };

export class Steps {
  constructor(store, grid) {
    this.grid = grid;
    for (const [name, by] of Object.entries(STEPS)) byId(name).addEventListener("click", () => grid.step(by));
    store.onChange(() => this.show());
  }

  /** Turn off what leads nowhere. */
  show() {
    for (const [name, by] of Object.entries(STEPS)) setOff(byId(name), this.grid.placeAfter(by) === null);
  }

  /** Take a key; return whether it was one of these. */
  press(key) {
    const by = { p: STEPS.previous, n: STEPS.next }[key];
    if (by) this.grid.step(by);
    return Boolean(by);
  }
}
