// Sends the form when a choice changes, or typing pauses; empty fields stay out of the URL.
customElements.define("filter-bar", class extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
    });
    if (!("automatic" in this.dataset)) return;
    form.addEventListener("change", (event) => {
      if (!event.target.matches('[type="search"], [type="text"]')) form.requestSubmit();
    });
    // Back from the cache of pages: the disabled fields come back to life.
    window.addEventListener("pageshow", () => {
      for (const field of form.elements) field.disabled = false;
    });
  }
});
