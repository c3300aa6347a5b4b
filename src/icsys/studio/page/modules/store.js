// What the user has chosen: options of up to four views, the photo, settings of a run and its destination. It can be
// undone, and lies in the fragment of the address, so a link is a state.

const MOST_VIEWS = 4;
const MOST_STEPS = 200;
const MOST_PICKED = 12;
const GEOMETRY = ["step", "scale", "size"];
const REST = 250; // milliseconds between two changes of the address: browsers refuse many in a row

const isTable = (value) => Boolean(value) && typeof value === "object" && !Array.isArray(value);

/** Return a table with the same names, and null for each. */
const emptied = (table) => Object.fromEntries(Object.keys(table).map((name) => [name, null]));

export class Store {
  #listeners = [];
  #past = [];
  #future = [];
  #last = null;
  #written = 0;
  #writing = 0;
  #hash = "";

  /** All options, the settings of a run and its destination, with the values that the studio began with. */
  constructor(defaults, settings = {}, destination = "", kept = []) {
    this.defaults = Object.freeze({ ...defaults });
    this.usual = Object.freeze({ settings, destination, kept });
    this.state = Object.freeze({ views: [{}], active: 0, image: 0, settings: {}, destination: null, kept: null, picked: [] });
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  get canToggle() {
    return this.#last !== null;
  }

  /** All options of a view, by default of the active one. */
  options(view = this.state.active) {
    const changed = this.state.views[view];
    const all = { ...this.defaults };
    if (GEOMETRY.some((name) => name in changed)) GEOMETRY.forEach((name) => delete all[name]);
    return Object.fromEntries(Object.entries({ ...all, ...changed }).filter(([, value]) => value !== null));
  }

  /** The settings of a run; null for one that the studio began with and that was taken back. */
  settings() {
    return { ...this.usual.settings, ...this.state.settings };
  }

  /** Where a run writes. */
  destination() {
    return this.state.destination ?? this.usual.destination;
  }

  /** Change settings of a run; null takes one back. */
  setSettings(changes) {
    this.#change({ settings: { ...this.state.settings, ...changes } }, Object.keys(changes).join());
  }

  /** The names of options that a run within a number of bytes keeps, though they may have their usual values. */
  kept() {
    return this.state.kept ?? this.usual.kept;
  }

  /** Let the run keep within a number of bytes, and keep options with these names; null takes the number back. */
  setBudget(total_bytes, kept) {
    this.#change({ settings: { ...this.state.settings, total_bytes }, kept });
  }

  setDestination(destination) {
    this.#change({ destination }, "destination");
  }

  /** Change options of the active view; null takes one back. Of step, scale and size, the last given one holds. */
  set(changes) {
    const changed = { ...this.state.views[this.state.active] };
    for (const [name, value] of Object.entries(changes)) {
      if (GEOMETRY.includes(name)) GEOMETRY.forEach((other) => delete changed[other]);
      changed[name] = value;
    }
    this.#change({ views: this.state.views.with(this.state.active, changed) }, Object.keys(changes).join());
  }

  /** Replace all options of the active view. */
  replace(options) {
    this.#change({ views: this.state.views.with(this.state.active, { ...options }) });
  }

  /** Give another view the options of the active one. */
  copyTo(view) {
    this.#change({ views: this.state.views.with(view, { ...this.state.views[this.state.active] }) });
  }

  /** Take over whole options for the active view, and settings of a run; what they leave out is taken back. */
  take(options, settings = null) {
    const views = this.state.views.with(this.state.active, { ...emptied(this.defaults), ...options });
    this.#change(settings ? { views, settings: { ...emptied(this.usual.settings), ...settings }, kept: [] } : { views });
  }

  show(image) {
    this.#change({ image }, "image");
  }

  /** Pick the shown photo, or put it back; of too many, the one that was picked first goes. */
  pick() {
    const { image, picked } = this.state;
    const others = picked.filter((one) => one !== image);
    this.#change({ picked: others.length < picked.length ? others : [...picked, image].slice(-MOST_PICKED) });
  }

  activate(active) {
    if (active !== this.state.active) this.#change({ active }, "active");
  }

  addView() {
    if (this.state.views.length >= MOST_VIEWS) return;
    const views = [...this.state.views, { ...this.state.views[this.state.active] }];
    this.#change({ views, active: views.length - 1 });
  }

  removeView(view) {
    if (this.state.views.length === 1) return;
    const views = this.state.views.filter((_, place) => place !== view);
    this.#change({ views, active: Math.min(this.state.active, views.length - 1) });
  }

  undo() {
    this.#move(this.#past, this.#future);
  }

  redo() {
    this.#move(this.#future, this.#past);
  }

  /** Show the settings before the last change, and these again. */
  toggle() {
    if (this.#last) this.#change({ views: this.#last, active: Math.min(this.state.active, this.#last.length - 1) });
  }

  /** Call a function after each change, with the state before it. */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Take over the state of the address, and call all listeners for the first time. */
  begin() {
    this.#read();
    addEventListener("hashchange", () => {
      if (location.hash !== this.#fragment()) {
        const before = this.state;
        this.#read();
        this.#tell(before);
      }
    });
    this.#tell(null);
  }

  #change(parts, kind = "") {
    const before = this.state;
    const after = Object.freeze({ ...before, ...parts });
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    // Values of one slider follow each other fast; they are one step back.
    // So are photos that are looked at one after the other.
    const isSoon = kind === "image" || Date.now() - this.lastTime < 800;
    const goesOn = kind && kind === this.lastKind && isSoon;
    if (!goesOn) {
      this.#past.push(before);
      if (this.#past.length > MOST_STEPS) this.#past.shift();
      if (parts.views) this.#last = before.views;
    }
    this.lastKind = kind;
    this.lastTime = Date.now();
    this.#future = [];
    this.state = after;
    this.#tell(before);
  }

  #move(from, to) {
    if (!from.length) return;
    const before = this.state;
    to.push(before);
    this.state = from.pop();
    this.lastKind = "";
    this.#tell(before);
  }

  #fragment() {
    return `#${encodeURIComponent(JSON.stringify(this.state))}`;
  }

  #read() {
    this.#hash = location.hash;
    try {
      const found = JSON.parse(decodeURIComponent(location.hash.slice(1)));
      const { views, active, image } = found;
      const fits = Array.isArray(views) && views.length >= 1 && views.length <= MOST_VIEWS;
      if (!fits || !views.every(isTable)) return;
      if (!Number.isInteger(active) || !(active >= 0 && active < views.length)) return;
      if (!Number.isInteger(image) || image < 0) return;
      const settings = isTable(found.settings) ? found.settings : {};
      const destination = typeof found.destination === "string" ? found.destination : null;
      const kept = Array.isArray(found.kept) ? found.kept : null;
      const isNumber = (one) => Number.isInteger(one) && one >= 0;
      const picked = Array.isArray(found.picked) ? [...new Set(found.picked)].filter(isNumber).slice(0, MOST_PICKED) : [];
      this.state = Object.freeze({ views, active, image, settings, destination, kept, picked });
    } catch {
      // Another fragment is no state.
    }
  }

  /** Write the state into the address now. */
  writeAddress() {
    clearTimeout(this.#writing);
    this.#written = Date.now();
    history.replaceState(null, "", this.#fragment());
    this.#hash = location.hash;
  }

  /** Write the state into the address: at once, or soon where it was written just now. */
  #write() {
    clearTimeout(this.#writing);
    const wait = this.#written + REST - Date.now();
    if (wait > 0) {
      this.#writing = setTimeout(() => {
        // A link that was opened meanwhile is about to be read.
        if (location.hash === this.#hash) this.#write();
      }, wait);
    } else this.writeAddress();
  }

  #tell(before) {
    this.#write();
    for (const listener of this.#listeners) listener(before);
  }
}
