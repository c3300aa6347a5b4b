// What the page shows of photos, folders and files is looked at again: they may be others by now.

import { ask } from "./api.js";
import { onEvent } from "./events.js";

const REST = 100; // milliseconds, as a window that comes back tells so twice
const PAUSE = 1000; // milliseconds between two looks at photos that go on changing

/** Have parts of the page look again once the user comes back to it, and those of photos once some have changed. */
export function renewOften(parts, ofPhotos) {
  let timer = 0;
  const comeBack = () => {
    clearTimeout(timer);
    if (document.hidden) return;
    timer = setTimeout(() => {
      ask("images", {}).catch(() => {}); // what it finds comes as news
      for (const part of parts) part.renew();
    }, REST);
  };
  addEventListener("focus", comeBack);
  document.addEventListener("visibilitychange", comeBack);
  let later = 0;
  onEvent("source", () => {
    later ||= setTimeout(() => {
      later = 0;
      for (const part of ofPhotos) part.renew(true);
    }, PAUSE);
  });
}
