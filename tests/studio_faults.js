// What a person would see as a fault of the page's layout: returns a sentence for each.
(least) => {
  const faults = new Set();
  const width = document.documentElement.clientWidth;
  const isShown = (one) => one.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && one.getBoundingClientRect().width > 0;
  const nameOf = (one) => `${one.tagName.toLowerCase()}${one.id && `#${one.id}`} "${(one.textContent || one.value || "").trim().slice(0, 40)}"`;
  const styleOf = (one) => getComputedStyle(one);
  const pen = document.createElement("canvas").getContext("2d");
  const widthOf = (text, style) => {
    pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    return pen.measureText(text).width;
  };
  // The room of a text within a control, less what a browser draws there itself.
  const roomIn = (one, style, drawn) => one.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - drawn;

  // Pictures are moved under their frame, thumbnails under the grid, and the link before all lies outside until it is reached.
  const isMeant = (one) => one.closest(".frame, #grid, .skip");
  const texts = [];
  for (const one of document.querySelectorAll("body *")) {
    if (isMeant(one) || !isShown(one) || one.closest("svg")) continue;
    const style = styleOf(one);
    const box = one.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1) faults.add(`sticks out of the screen: ${nameOf(one)}`);
    const scrolls = /auto|scroll/.test(style.overflowX);
    if (scrolls && one.scrollWidth > one.clientWidth + 1) faults.add(`is moved sideways to be read: ${nameOf(one)}`);
    const own = [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    const isCut = /hidden|clip/.test(style.overflowX) && one.scrollWidth > one.clientWidth + 1;
    const isTold = style.textOverflow === "ellipsis" && one.closest("[title]"); // the whole is said otherwise
    if (own.length && isCut && !isTold) faults.add(`is cut: ${nameOf(one)}`);
    if (one.matches("button") && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 2)) {
      faults.add(`does not fit its button: ${nameOf(one)}`);
    }
    if (one.matches("select")) {
      const text = one.selectedOptions[0]?.textContent ?? "";
      if (widthOf(text, style) > roomIn(one, style, 16) + 1) faults.add(`is cut: ${text} in ${nameOf(one).slice(0, 30)}`);
    }
    if (one.matches("input") && one.placeholder && !one.value) {
      const drawn = one.type === "search" ? 16 : 0;
      if (widthOf(one.placeholder, style) > roomIn(one, style, drawn) + 1) faults.add(`is cut: ${one.placeholder} in ${nameOf(one)}`);
    }
    if (one.matches("button, a[href], input, select, summary, textarea") && !one.matches(".swatch")) {
      const around = (one.closest("label") ?? one).getBoundingClientRect();
      if (Math.min(around.width, around.height) < least) {
        faults.add(`is smaller than ${least} pixels: ${nameOf(one)} ${around.width.toFixed()} × ${around.height.toFixed()}`);
      }
    }
    const over = one.closest(".views, .jump, #notice, .bar"); // these stay in sight above the others
    if (over) continue;
    for (const node of own) {
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const place of range.getClientRects()) {
        const cut = [...cutters(one)].every((by) => {
          const frame = by.getBoundingClientRect();
          return place.bottom > frame.top + 2 && place.top < frame.bottom - 2;
        });
        if (cut) texts.push([one, place]);
      }
    }
  }
  function* cutters(one) {
    for (let by = one.parentElement; by; by = by.parentElement) if (styleOf(by).overflowY !== "visible") yield by;
  }
  texts.forEach(([one, a], number) => {
    for (const [other, b] of texts.slice(number + 1)) {
      if (one === other || one.contains(other) || other.contains(one)) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > 4) faults.add(`lie over each other: ${nameOf(one)}, ${nameOf(other)}`);
    }
  });
  if (document.documentElement.scrollWidth > width) faults.add(`the page is ${document.documentElement.scrollWidth} pixels wide`);
  return [...faults];
}
