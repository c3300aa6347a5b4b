// Requests to the server. Each error holds a sentence for the user.

const LOST = {
  403: "The server does not know this page any more: open the address that ics studio has printed.",
  503: "The server has too much to do; try again.",
};

/** The name of this page: its newer requests take the place of older ones of its own, and of no other page. */
export const PAGE = Math.random().toString(36).slice(2, 10);

export class Refused extends Error {
  /** `photo` is the path of the photo that the error is about, and `code` a word for what is wrong with it. */
  constructor(status, text, { photo = "", code = "" } = {}) {
    super(text);
    Object.assign(this, { status, photo, code });
  }
}

/** A newer request has taken the place of this one, so its answer is not wanted. */
export const isReplaced = (error) => error instanceof Refused && error.status === 409;

/** Return the JSON that the server answers; `body` is sent as JSON. */
export async function ask(path, body, method) {
  // Browsers write a line on their console for each status of 400 and above, so errors are asked for as values.
  const options = { method, headers: { "X-Errors": "values" } };
  if (body !== undefined) {
    Object.assign(options, { method: method ?? "POST", body: JSON.stringify(body) });
    options.headers["Content-Type"] = "application/json"; // what a form sends is refused
  }
  let answer;
  try {
    answer = await fetch(`/api/${path}`, options);
  } catch {
    throw new Refused(0, "The server does not answer. Is ics studio still running?");
  }
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  const values = isJson ? await answer.json() : null;
  const status = Number(answer.headers.get("X-Status") ?? answer.status);
  if (status >= 400) {
    throw new Refused(status, values?.error ?? LOST[status] ?? `The server answers ${status}.`, values ?? {});
  }
  return values;
}
