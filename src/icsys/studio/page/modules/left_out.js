// Photos that a run leaves out by rules of an opened file or of the command line: said for the photo and in the grid.

import { ask } from "./api.js";
import { byId } from "./elements.js";
import { onEvent } from "./events.js";

export class LeftOut {
  #asked = null; // the settings, as text
  #key = "";
  #image = null;

  constructor(store, grid) {
    this.store = store;
    this.grid = grid;
    this.text = byId("left-out");
    this.about = byId("left-out-about");
    onEvent("left_out", ({ key, about }) => {
      if (!key || key !== this.#key) return;
      this.about.textContent = about;
      grid.mark(key);
      this.#tell();
    });
    store.onChange(() => this.#update());
  }

  /** Ask once more: photos may have come, gone or changed. */
  renew() {
    this.#asked = null;
    this.#update();
  }

  #update() {
    const settings = this.store.settings();
    const text = JSON.stringify(settings);
    if (text !== this.#asked) {
      this.#asked = text;
      this.#ask(settings, text);
    } else if (this.#image !== this.store.state.image) this.#tell();
  }

  async #ask(settings, text) {
    let found;
    try {
      found = await ask("left-out", { settings });
    } catch {
      found = { key: "", about: "" }; // what is wrong with settings is said where the run is started
    }
    if (text !== this.#asked) return;
    this.#key = found.key;
    this.about.textContent = found.about;
    this.grid.mark(found.key);
    this.#tell();
  }

  /** Say why a run leaves out the photo that is shown. */
  async #tell() {
    const { image } = this.store.state;
    this.#image = image;
    const key = this.#key;
    let rule = "";
    try {
      if (key) ({ left_out: rule } = await ask(`left-out/${key}/${image}`));
    } catch {
      // There is no such photo, or the server is gone: both are said elsewhere.
    }
    if (image !== this.store.state.image || key !== this.#key) return;
    this.text.textContent = rule ? `A run leaves this photo out: ${rule}.` : "";
  }
}
