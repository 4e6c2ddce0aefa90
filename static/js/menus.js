// Menus are <details>; here they close on Escape, on a click elsewhere and when focus leaves.
const open = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details[data-menu][open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A menu in a scrolling table is lifted out of it, below its button or above where space is short.
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches("details[data-menu]") || !menu.open || !menu.closest(".table-scroll")) return;
  const list = menu.querySelector(".menu__list");
  const button = menu.querySelector("summary").getBoundingClientRect();
  list.dataset.lifted = "";
  const { offsetWidth: width, offsetHeight: height } = list;
  const fitsBelow = button.bottom + 4 + height < innerHeight;
  list.style.top = `${fitsBelow ? button.bottom + 4 : Math.max(4, button.top - 4 - height)}px`;
  list.style.left = `${Math.min(Math.max(4, button.right - width), innerWidth - width - 4)}px`;
}, true);
document.addEventListener("scroll", () => {
  for (const menu of open()) if (menu.closest(".table-scroll")) menu.open = false;
}, { capture: true, passive: true });
