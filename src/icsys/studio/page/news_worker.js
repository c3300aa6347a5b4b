// One stream of news for all pages of a browser: it opens six connections to a server, and each stream holds one.

import { NewsStream } from "./modules/news_stream.js";

const ports = new Set();
const stream = new NewsStream((news) => ports.forEach((port) => port.postMessage(news)));

function begin(port) {
  stream.open();
  for (const news of stream.missed) port.postMessage(news);
  ports.add(port);
}

addEventListener("connect", ({ ports: [port] }) => {
  port.addEventListener("message", ({ data: isShown }) => (isShown ? begin(port) : ports.delete(port)));
  port.start();
});
