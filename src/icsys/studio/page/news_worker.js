// One stream of news for all pages of a browser: it opens six connections to a server, and each stream holds one.

import { NewsStream } from "./modules/news_stream.js";

const pages = new Set();
const stream = new NewsStream((news) => pages.forEach((page) => page.postMessage(news)));

function begin(page) {
  stream.open();
  for (const news of stream.missed) page.postMessage(news);
  pages.add(page);
}

addEventListener("connect", ({ ports: [page] }) => {
  page.addEventListener("message", ({ data: isShown }) => (isShown ? begin(page) : pages.delete(page)));
  page.start();
});
