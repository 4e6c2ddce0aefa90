// Shows the chosen theme at once; the form's answer sets the cookie for the pages to come.
customElements.define("theme-toggle", class extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const theme = event.submitter.value;
      const body = new FormData(form, event.submitter);
      if (theme === "system") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
      for (const button of document.querySelectorAll("theme-toggle [name=theme]")) {
        button.setAttribute("aria-pressed", String(button.value === theme));
      }
      document.dispatchEvent(new Event("themechange"));
      fetch(form.action, { method: "POST", body, redirect: "manual" });
    });
  }
});
