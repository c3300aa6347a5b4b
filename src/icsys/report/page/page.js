"use strict";
for (const example of document.querySelectorAll(".example")) {
  const pair = example.querySelector(".pair");
  const slider = pair?.querySelector("input");
  const after = pair?.querySelector("[data-after]");
  const show = () => {
    if (!slider) return;
    pair.style.setProperty("--at", slider.value + "%");
    slider.setAttribute("aria-valuetext", `${slider.value} % in all colours, the rest in ${after.textContent}`);
  };
  slider?.addEventListener("input", show);
  example.querySelector(".choices")?.addEventListener("change", (event) => {
    for (const part of example.querySelectorAll("[data-choice]")) part.hidden = part.dataset.choice !== event.target.value;
    if (after) after.textContent = event.target.nextElementSibling.textContent;
    show();
  });
  show();
}
