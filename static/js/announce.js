// Says something in the page's one live region; visible messages there stay.
export function announce(text) {
  const region = document.getElementById("messages");
  if (!region || !text) return;
  const line = document.createElement("p");
  line.className = "visually-hidden";
  line.textContent = text;
  region.append(line);
  setTimeout(() => line.remove(), 4000);
}

// Copies, then shows and says "Copied" for a moment. Resolves to whether it worked.
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyTheOldWay(text)) return false;
  }
  button.dataset.copied = "";
  announce(button.dataset.done);
  const label = button.querySelector("[data-text]");
  const before = label?.textContent;
  if (label) label.textContent = button.dataset.done;
  setTimeout(() => {
    delete button.dataset.copied;
    if (label) label.textContent = before;
  }, 1500);
  return true;
}

// Plain HTTP on another host than localhost has no clipboard API.
function copyTheOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
