// Runs in the page before its own scripts, and takes the time from what a user does to the picture that follows.

(() => {
  const LONG_FRAME = 50; // milliseconds
  let isArmed = false;
  let begun = 0;
  let settle = () => {};

  /** Call a function once the frame that is drawn next is on its way to the screen. */
  const whenPainted = (then) =>
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => then(performance.now());
      channel.port2.postMessage(0);
    });

  const isPicture = (node) => node.nodeName === "IMG" && node.classList.contains("after") && !node.hidden;

  const studio = {
    first: null, // milliseconds from the start of the navigation to the first picture
    pictures: [], // when each picture was painted

    /** Take the next event of some kinds as the beginning; `taken` waits for so many pictures after it. */
    arm(kinds, pictures = 1) {
      isArmed = true;
      studio.pictures = [];
      studio.taken = new Promise((resolve) => (settle = () => studio.pictures.length >= pictures && resolve()));
      const begin = (event) => {
        if (isArmed) begun = event.timeStamp;
        isArmed = false;
        for (const kind of kinds) removeEventListener(kind, begin, true);
      };
      for (const kind of kinds) addEventListener(kind, begin, true);
    },

    /** Return the milliseconds from the beginning to the last of the pictures that were waited for. */
    async time() {
      await studio.taken;
      return Math.max(0, studio.pictures.at(-1) - begun);
    },

    /** Return the milliseconds from the beginning to the picture that has come last; negative ones had come before. */
    late: () => studio.pictures.at(-1) - begun,

    /** Scroll an element through a number of pixels, so many in each frame; return the milliseconds of all frames. */
    async scroll(place, pixels, step) {
      const frames = [];
      const end = place.scrollTop + pixels;
      let last = await new Promise(requestAnimationFrame);
      while (place.scrollTop < end - 1) {
        const before = place.scrollTop;
        place.scrollTop = Math.min(end, before + step);
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
        if (place.scrollTop === before) break;
      }
      return { frames: frames.length, long: frames.filter((one) => one > LONG_FRAME).length, longest: Math.max(...frames) };
    },

    /** Scroll an element to a share of its height; return the milliseconds until all thumbnails in sight are shown. */
    async jump(place, share) {
      const start = performance.now();
      place.scrollTop = share * (place.scrollHeight - place.clientHeight);
      for (;;) {
        const now = await new Promise(whenPainted);
        const box = place.getBoundingClientRect();
        const inSight = [...place.querySelectorAll("[data-place]")].filter((cell) => {
          const { top, bottom } = cell.getBoundingClientRect();
          return bottom > box.top && top < box.bottom;
        });
        if (inSight.length && inSight.every((cell) => cell.classList.contains("ready"))) return now - start;
        if (now - start > 60000) throw new Error("thumbnails are not shown within 60 s");
      }
    },
  };

  new MutationObserver((changes) => {
    const made = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter(isPicture);
    if (!made.length) return;
    whenPainted((now) => {
      studio.first ??= now;
      for (const _ of made) studio.pictures.push(now);
      settle();
    });
  }).observe(document, { childList: true, subtree: true });
  globalThis.studioTimes = studio;
})();
