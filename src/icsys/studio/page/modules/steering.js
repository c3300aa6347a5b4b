// Pointer, wheel, fingers and keys on the frame of a view: they move the divider and what is shown.

const REACH = { mouse: 14, pen: 18, touch: 28 }; // pixels from the divider that still take hold of it
const PANNED = 40; // pixels for one press of an arrow key
const LINE = 16; // pixels that a line of a wheel stands for

/** Let a frame steer a viewport; `divider` has `value` and `set`, both shares from 0 to 1. */
export function steer(view, viewport, divider) {
  const { frame } = view;
  const fingers = new Map();
  let holdsDivider = false;

  const shareAt = (event) => {
    const box = frame.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };

  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    frame.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const away = Math.abs(shareAt(event) - divider.value) * frame.clientWidth;
    holdsDivider = fingers.size === 1 && away < (REACH[event.pointerType] ?? REACH.mouse);
    frame.classList.toggle("held", !holdsDivider);
  });

  frame.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) {
      const isNear = Math.abs(shareAt(event) - divider.value) * frame.clientWidth < REACH.mouse;
      frame.classList.toggle("near", isNear);
      return;
    }
    const now = { x: event.clientX, y: event.clientY };
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    if (other) pinch(last, now, other);
    else if (holdsDivider) divider.set(Math.max(0, Math.min(1, shareAt(event))));
    else viewport.moveBy(now.x - last.x, now.y - last.y, view);
  });

  function pinch(last, now, other) {
    const apart = (one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    viewport.zoomBy(apart(now) / apart(last), view, middle);
    viewport.moveBy((now.x - last.x) / 2, (now.y - last.y) / 2, view);
    holdsDivider = false;
  }

  for (const name of ["pointerup", "pointercancel"]) {
    frame.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      holdsDivider = false;
      frame.classList.remove("held");
    });
  }

  frame.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaMode ? event.deltaY * LINE : event.deltaY;
      // Two fingers on a touchpad come as a wheel with Ctrl, in small steps.
      viewport.zoomBy(2 ** (-pixels / (event.ctrlKey ? 60 : 300)), view, { x: event.clientX, y: event.clientY });
    },
    { passive: false },
  );

  frame.addEventListener("dblclick", (event) => {
    if (viewport.isWhole) viewport.zoomBy(1 / viewport.zoom, view, { x: event.clientX, y: event.clientY });
    else viewport.showWhole();
  });

  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const actions = {
      "+": () => viewport.zoomStep(true),
      "=": () => viewport.zoomStep(true),
      "-": () => viewport.zoomStep(false),
      0: () => viewport.showWhole(),
      1: () => viewport.showOne(),
    };
    if (event.key in moves) {
      const [x, y] = moves[event.key].map((sign) => sign * PANNED);
      // Where the whole picture is seen there is nothing to move but the divider.
      if (viewport.isWhole && x) divider.set(Math.max(0, Math.min(1, divider.value - x / 2000)));
      else viewport.moveBy(x, y, view);
    } else if (event.key in actions) actions[event.key]();
    else return;
    event.preventDefault();
  });
}
