// News of the server: one stream for the whole page. A listener gets the latest news of its kind at once.

import { byId } from "./elements.js";

const PATIENCE = 2000; // milliseconds in which a browser opens a stream that broke off

const listeners = new Map();
const latest = new Map();
let stream = null;

/** Say that there is no news any more, if the stream stays away: a run would seem to stand still. */
function watch() {
  let timer = 0;
  stream.addEventListener("error", () => {
    timer ||= setTimeout(() => (byId("lost").hidden = false), PATIENCE);
  });
  stream.addEventListener("open", () => {
    clearTimeout(timer);
    timer = 0;
    byId("lost").hidden = true;
  });
}

function listen(kind) {
  stream.addEventListener(kind, (event) => {
    const values = JSON.parse(event.data);
    latest.set(kind, values);
    for (const listener of listeners.get(kind)) listener(values);
  });
}

/** Call a function with the values of each news of a kind. */
export function onEvent(kind, listener) {
  if (!stream) {
    stream = new EventSource("/api/events");
    watch();
  }
  if (!listeners.has(kind)) {
    listeners.set(kind, []);
    listen(kind);
  }
  listeners.get(kind).push(listener);
  if (latest.has(kind)) listener(latest.get(kind));
}
