// Fields of forms: a label, a control, and a line for what is wrong with its value.

import { element } from "./elements.js";

let count = 0;
let typedIn = null; // the control whose text is not taken over yet

document.addEventListener("input", (event) => (typedIn = event.target), true);
document.addEventListener("change", () => (typedIn = null), true);
document.addEventListener("focusout", () => (typedIn = null));

/** Whether a control holds text that its user is still typing. */
export const isTyping = (control) => control === typedIn && document.activeElement === control;

/** Show a value in a control, but leave alone what is being typed. A wrong text goes, with what is said about it. */
export function setValue(control, value) {
  if (control.type === "checkbox") control.checked = Boolean(value);
  else if (control.type === "range" || !isTyping(control)) {
    const text = String(value ?? "");
    const isOther = control.value !== text || control.validity.badInput;
    control.value = text;
    if (isOther && control.hasAttribute("aria-invalid") && control.closest(".field")?.querySelector(".wrong")) {
      setProblem(control, "");
    }
  }
}

/** What is wrong with the number in a control: what is expected, and what it holds. An empty text if it is right. */
export function numberProblem({ validity, min, max, step, value }) {
  if (validity.valid) return "";
  const kind = step === "any" ? "a number" : "a whole number";
  const grouped = (text) => Number(text).toLocaleString("en", { maximumFractionDigits: 6 });
  const low = min === "" ? "" : max === "" ? ` of at least ${grouped(min)}` : ` from ${grouped(min)}`;
  const high = max === "" ? "" : `${min === "" ? " up to" : " to"} ${grouped(max)}`;
  return `Expected ${kind}${low}${high}${value === "" ? "" : `, not ${value}`}.`;
}

/** Return a label beside a control. */
export function labelled(title, control, help = "") {
  control.id ||= `control-${(count += 1)}`;
  const label = element("label", { for: control.id, textContent: title });
  const problem = element("p", { className: "wrong", id: `${control.id}-wrong`, role: "alert", hidden: true });
  if (help) control.title = label.title = help;
  return element("div", { className: "field" }, label, control, problem);
}

/** Say beside a control what is wrong; an empty text takes it back. */
export function setProblem(control, text) {
  const field = control.closest(".field");
  const problem = field.querySelector(".wrong");
  problem.textContent = text;
  problem.hidden = !text;
  if (text) {
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", problem.id);
    const fold = field.closest("details");
    if (fold) fold.open = true;
  } else {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-describedby");
  }
}

/** Turn a control off where it has no effect, with the reason as its title. */
export function setIdle(control, reason, help = "") {
  control.disabled = Boolean(reason);
  const field = control.closest(".field");
  field.classList.toggle("idle", Boolean(reason));
  // Some browsers show no title of a control that is off; its label and what is around it have the same.
  for (const one of [field, control, field.querySelector("label")]) one.title = reason || help;
}

export const select = (choices, words = String) =>
  element("select", {}, ...choices.map((value) => element("option", { value, textContent: words(value) })));

export const numberInput = (form, step) =>
  element("input", { type: "number", min: form.low, max: form.high, step, inputMode: "decimal" });

export const group = (title, ...children) =>
  element("fieldset", {}, element("legend", { textContent: title }), ...children);

/** Let a list choose among all names, with the number of each; without a choice it is hidden. */
export function showCounts(list, counts) {
  const names = Object.keys(counts).filter(Boolean);
  const text = JSON.stringify(counts);
  if (list.dataset.counts === text) return;
  list.dataset.counts = text;
  const { value } = list;
  list.replaceChildren(
    element("option", { value: "", textContent: "all" }),
    ...names.map((one) => element("option", { value: one, textContent: `${one} (${counts[one].toLocaleString("en")})` })),
  );
  list.value = value;
  list.parentElement.hidden = names.length < 2;
}
