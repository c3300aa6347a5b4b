// News of the server. All pages of a browser share one stream. A listener gets the latest news of its kind at once.

import { byId } from "./elements.js";
import { NewsStream } from "./news_stream.js";

const PATIENCE = 2000; // milliseconds in which a browser opens a stream that broke off

const listeners = new Map();
const latest = new Map();
let timer = 0;
let isBegun = false;

function take({ kind, values, isOpen }) {
  if (isOpen !== undefined) {
    watch(isOpen);
    return;
  }
  latest.set(kind, values);
  for (const listener of listeners.get(kind) ?? []) listener(values);
}

/** Say that there is no news any more, if the stream stays away: a run would seem to stand still. */
function watch(isOpen) {
  if (isOpen) {
    clearTimeout(timer);
    timer = 0;
    byId("lost").hidden = true;
  } else timer ||= setTimeout(() => (byId("lost").hidden = false), PATIENCE);
}

/** Take the news of the stream that all pages share; call `otherwise` in a browser that has no such worker. */
function share(otherwise) {
  let worker;
  try {
    worker = new SharedWorker("/static/news_worker.js", { type: "module" });
  } catch {
    otherwise();
    return;
  }
  const tell = (isShown) => worker.port.postMessage(isShown);
  const leave = () => tell(false);
  const returned = (event) => event.persisted && tell(true);
  worker.addEventListener("error", () => {
    removeEventListener("pagehide", leave);
    removeEventListener("pageshow", returned);
    otherwise();
  });
  worker.port.addEventListener("message", ({ data }) => take(data));
  worker.port.start();
  addEventListener("pagehide", leave);
  addEventListener("pageshow", returned);
  tell(true);
}

/** Have a stream of one's own while the page is in sight: a hidden one would hold a connection for nothing. */
function alone() {
  const stream = new NewsStream(take);
  const follow = () => (document.hidden ? stream.close() : stream.open());
  document.addEventListener("visibilitychange", follow);
  follow();
}

/** Call a function with the values of each news of a kind. */
export function onEvent(kind, listener) {
  if (!isBegun) share(alone);
  isBegun = true;
  if (!listeners.has(kind)) listeners.set(kind, []);
  listeners.get(kind).push(listener);
  if (latest.has(kind)) listener(latest.get(kind));
}
