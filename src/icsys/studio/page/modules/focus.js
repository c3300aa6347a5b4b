// The focus of the keyboard: it stays where it is when a control goes off, and goes on to the nearest one when a control
// goes away.

const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]";

let last = null; // the element that has the focus
let chain = []; // what it is in, from inside out, each with its place among the controls of that
let isPlanned = false;

const isOff = (control) => control.getAttribute("aria-disabled") === "true";
const isThere = (control) => control.isConnected && control.checkVisibility() && !control.matches(":disabled");
const controlsOf = (place) => [...place.querySelectorAll(CONTROLS)].filter((one) => one.tabIndex >= 0 && isThere(one));
const nameOf = (control) => control.getAttribute("aria-label") ?? control.textContent;

/** Turn a control on or off. One that has the focus keeps it until the focus goes on: it only does nothing. */
export function setOff(control, off) {
  const isHeld = off && document.activeElement === control;
  if (isHeld) control.setAttribute("aria-disabled", "true");
  else control.removeAttribute("aria-disabled");
  control.disabled = off && !isHeld;
}

/** Let the focus never get lost. */
export function keepFocus() {
  document.addEventListener("focusin", ({ target }) => remember(target));
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    if (isOff(target)) setOff(target, true);
    // Browsers also say so of an element that a script is just taking away; else the user has left it.
    if (!relatedTarget) queueMicrotask(() => isThere(target) && target === last && (last = null));
  });
  const refuse = (event) => {
    const control = event.target.closest?.("[aria-disabled='true']");
    if (!control) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  addEventListener("click", refuse, true);
  new MutationObserver(() => {
    if (!last || isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(follow);
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "disabled", "open"] });
}

function remember(target) {
  last = target;
  chain = [];
  for (let place = target.parentElement; place; place = place.parentElement) {
    chain.push([place, controlsOf(place).indexOf(target)]);
  }
}

/** Go on to what has come in the place of the control that had the focus, or to the nearest one. */
function follow() {
  isPlanned = false;
  if (!last || isThere(last)) return;
  const { activeElement } = document;
  if (activeElement !== last && activeElement !== document.body) return;
  for (const [place, number] of chain) {
    if (!place.isConnected) continue;
    const controls = controlsOf(place);
    if (!controls.length) continue;
    const same = controls.filter((one) => one.tagName === last.tagName && nameOf(one) === nameOf(last));
    const next = same.length === 1 ? same[0] : controls[Math.max(0, Math.min(number, controls.length - 1))];
    next.focus({ preventScroll: true });
    if (next.matches(":focus-visible")) next.scrollIntoView({ block: "nearest" });
    return;
  }
}
