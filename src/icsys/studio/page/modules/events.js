// News of the server: one stream for the whole page. A listener gets the latest news of its kind at once.

const listeners = new Map();
const latest = new Map();
let stream = null;

function listen(kind) {
  stream.addEventListener(kind, (event) => {
    const values = JSON.parse(event.data);
    latest.set(kind, values);
    for (const listener of listeners.get(kind)) listener(values);
  });
}

/** Call a function with the values of each news of a kind. */
export function onEvent(kind, listener) {
  stream ??= new EventSource("/api/events");
  if (!listeners.has(kind)) {
    listeners.set(kind, []);
    listen(kind);
  }
  listeners.get(kind).push(listener);
  if (latest.has(kind)) listener(latest.get(kind));
}
