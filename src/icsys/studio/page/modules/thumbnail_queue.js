// Loads thumbnails, a few at a time: browsers open six connections to a server, and previews need some of them.

const MOST_AT_ONCE = 3;

export class ThumbnailQueue {
  #waiting = new Map();
  #loading = 0;

  /** Load a picture from an address once there is room for it. */
  add(picture, address) {
    this.#waiting.set(picture, address);
    // What is put into the grid together is looked at before the first is chosen.
    queueMicrotask(() => this.#next());
  }

  /** A picture that is not in sight any more is not loaded, unless its load has begun. */
  remove(picture) {
    this.#waiting.delete(picture);
  }

  #next() {
    for (const [picture, address] of this.#waiting) {
      if (this.#loading >= MOST_AT_ONCE) return;
      this.#waiting.delete(picture);
      this.#loading += 1;
      const done = () => {
        this.#loading -= 1;
        this.#next();
      };
      picture.addEventListener("load", done, { once: true });
      picture.addEventListener("error", done, { once: true });
      picture.src = address;
    }
  }
}
