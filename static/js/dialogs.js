// [data-dialog="id"] opens that dialog; without JavaScript it is a link to the page behind it.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog) {
    event.preventDefault();
    opener.closest("details[data-menu]")?.removeAttribute("open");
    dialog.showModal();
    dialog.querySelector("[data-close]")?.focus();
  }
  if (event.target.closest("[data-close]") || event.target.matches("dialog.dialog")) {
    event.target.closest("dialog")?.close();
  }
});

// The button repeats the verb, but only once the asked word has been typed.
document.addEventListener("input", (event) => {
  const expected = event.target.dataset?.expected;
  if (expected === undefined) return;
  const submit = event.target.form.querySelector('[type="submit"]');
  submit.disabled = event.target.value.trim() !== expected;
});
for (const field of document.querySelectorAll("[data-expected]")) {
  field.form.querySelector('[type="submit"]').disabled = true;
}
