// The pressed button goes busy at once, and a second press sends nothing.
const busy = new Set();

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || event.target.method !== "post" || !button) return;
  if (button.getAttribute("aria-busy") === "true") return event.preventDefault();
  button.setAttribute("aria-busy", "true");
  busy.add(button);
});
window.addEventListener("pageshow", free);
document.addEventListener("htmx:afterRequest", free);

function free() {
  for (const button of busy) button.removeAttribute("aria-busy");
  busy.clear();
}

// The error summary takes the focus, on a fresh page and after a swap.
const focusErrors = (root) => root.querySelector("[data-focus]")?.focus();
focusErrors(document);
document.addEventListener("htmx:afterSwap", (event) => focusErrors(event.target));
