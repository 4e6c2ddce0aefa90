// `/` goes to the search, `?` shows the keys. Silent in fields, and off where the reader said so.
const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");
const help = document.getElementById("shortcuts");

document.addEventListener("keydown", (event) => {
  if ("noShortcuts" in document.body.dataset || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const search = document.querySelector('main input[type="search"]');
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "?") {
    help?.showModal();
  }
});

for (const button of document.querySelectorAll("[data-show-shortcuts]")) {
  button.hidden = false;
  button.onclick = () => help.showModal();
}
