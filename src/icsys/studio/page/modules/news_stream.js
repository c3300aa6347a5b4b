// The stream of news of the server, and the latest news of each kind.

/** All kinds that a page listens to: the server sends the latest of each as soon as a stream is open. */
const KINDS = ["cost", "frontier", "inspection", "learn", "left_out", "run", "source", "worst"];

export class NewsStream {
  #tell;
  #stream = null;
  #isOpen = null; // not known yet
  #latest = new Map();

  /** `tell` takes `{ kind, values }`, and `{ isOpen }` whenever the stream opens or breaks off. */
  constructor(tell) {
    this.#tell = tell;
  }

  /** What a listener that comes later has missed, oldest first. */
  get missed() {
    const news = [...this.#latest].map(([kind, values]) => ({ kind, values }));
    return this.#isOpen === null ? news : [...news, { isOpen: this.#isOpen }];
  }

  /** Open the stream, unless it is open or the browser is about to open it again by itself. */
  open() {
    if (this.#stream && this.#stream.readyState !== EventSource.CLOSED) return;
    const stream = new EventSource("/api/events");
    this.#stream = stream;
    stream.addEventListener("open", () => {
      this.#latest.clear(); // the server sends them anew
      this.#turn(true);
    });
    stream.addEventListener("error", () => this.#turn(false));
    for (const kind of KINDS) {
      stream.addEventListener(kind, (event) => {
        const values = JSON.parse(event.data);
        this.#latest.delete(kind);
        this.#latest.set(kind, values);
        this.#tell({ kind, values });
      });
    }
  }

  #turn(isOpen) {
    this.#isOpen = isOpen;
    this.#tell({ isOpen });
  }

  close() {
    this.#stream?.close();
    this.#stream = null;
  }
}
