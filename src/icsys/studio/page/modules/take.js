// The settings to take along: as a command, Python or TOML to copy, as a link, and a TOML file opened into the page.

import { ask, isReplaced } from "./api.js";
import { byId, element, notice } from "./elements.js";
import { setOff } from "./focus.js";

const PAUSE = 150; // milliseconds without a change before the texts are asked for
const MOST_BYTES = 2 ** 18; // of a TOML file, as the server reads it

/** Copy a text; where the browser does not let a page do so, select it in its field. Return whether it was copied. */
async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand?.("copy") ?? false;
  }
}

export class Take {
  #texts = {};
  #listeners = [];
  #timer = 0;
  #asked = 0;

  constructor(store) {
    this.store = store;
    this.text = byId("taken");
    this.said = byId("take-note");
    // Browsers bring the first line of a text into sight, and leave the rest out of it.
    this.text.addEventListener("focus", () => this.text.scrollIntoView({ block: "nearest" }));
    this.forms = [...document.querySelectorAll("input[name='taken-as']")];
    // What Python and TOML cannot say.
    this.limits = element("p", { className: "small", role: "status" });
    this.said.after(this.limits);
    for (const form of this.forms) form.addEventListener("change", () => this.#show());
    byId("copy").addEventListener("click", () => this.#copy(this.text.value, this.text));
    byId("copy-link").addEventListener("click", () => this.#copyLink());
    byId("open-toml").addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = ""; // so that the same file can be opened again
      if (file) this.#open(file);
    });
    this.#takeDrops();
    store.onChange(() => {
      if (!this.isRefused) this.#say(""); // it was about what was shown before
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(), PAUSE);
    });
  }

  /** Call a function with all options in their usual form, once the server has read them; null for what it refuses. */
  onRead(listener) {
    this.#listeners.push(listener);
  }

  #tell(options) {
    for (const listener of this.#listeners) listener(options);
  }

  /** Say something about the texts, or why there are none. */
  #say(text, isRefused = false) {
    this.said.textContent = text;
    this.isRefused = isRefused;
  }

  async #ask() {
    const { store } = this;
    const number = (this.#asked += 1);
    if (!store.destination().trim()) {
      this.#texts = {};
      this.#say("Name the folder to write to first.", true);
      this.#show();
      return;
    }
    const body = { options: store.options(), settings: store.settings(), destination: store.destination(), kept: store.kept() };
    try {
      const texts = await ask("settings", body);
      if (number !== this.#asked) return;
      this.#texts = texts;
      if (this.isRefused) this.#say("");
      this.#tell(texts.options);
    } catch (error) {
      if (number !== this.#asked || isReplaced(error)) return;
      this.#texts = {};
      this.#say(error.message, true);
      this.#tell(null);
    }
    this.#show();
  }

  #show() {
    const form = this.forms.find((one) => one.checked).value;
    const text = this.#texts[form] ?? "";
    this.limits.textContent = form === "command" ? "" : (this.#texts.note ?? "");
    if (this.text.value !== text) this.text.value = text;
    setOff(byId("copy"), !text);
    // As tall as the text, up to a bound that the style sheet sets.
    this.text.style.height = "0";
    this.text.style.height = `${this.text.scrollHeight + 2}px`;
  }

  async #copy(text, field) {
    const isCopied = await copy(text, field);
    this.#say(isCopied ? "Copied." : "The text is selected: copy it with Ctrl+C.");
  }

  async #copyLink() {
    this.store.writeAddress();
    const field = byId("link");
    field.value = location.href;
    field.hidden = false;
    await this.#copy(field.value, field);
    field.hidden = this.said.textContent === "Copied.";
  }

  async #open(file) {
    if (file.size > MOST_BYTES) {
      notice(`${file.name}: ${file.size} bytes, expected a TOML file of at most ${MOST_BYTES}`);
      return;
    }
    try {
      const { options, settings } = await ask("settings/toml", { text: await file.text() });
      this.store.take(options, settings);
      notice("");
      this.#say(`The options of ${file.name} are shown. Undo brings back the ones before.`);
    } catch (error) {
      notice(`${file.name}: ${error.message}`);
    }
  }

  /** A file that is dropped anywhere on the page is opened; without this, the browser would leave the page for it. */
  #takeDrops() {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const mark = (isOver) => document.body.classList.toggle("dropping", isOver);
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      mark(true);
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) mark(false);
    });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(false);
      const [file] = event.dataTransfer.files;
      if (!file) return;
      if (file.name.toLowerCase().endsWith(".toml")) this.#open(file);
      else notice(`${file.name}: expected a TOML file, as Take along writes it`);
    });
  }
}
