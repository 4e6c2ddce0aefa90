import { copy } from "../announce.js";

// Masks the secret, reveals it on demand, and asks before the page is left uncopied.
customElements.define("secret-reveal", class extends HTMLElement {
  connectedCallback() {
    this.shown = this.querySelector("[data-secret]");
    this.secret ??= this.shown.textContent.trim();
    this.toggle = this.querySelector("[data-toggle]");
    const button = this.querySelector("[data-copy]");
    this.toggle.hidden = button.hidden = false;
    this.toggle.onclick = () => this.show(this.toggle.getAttribute("aria-pressed") !== "true");
    button.onclick = async () => {
      if (await copy(this.secret, button)) this.release();
      else this.show(true);
    };
    this.shown.addEventListener("copy", () => this.release());
    this.ask = (event) => event.preventDefault();
    window.addEventListener("beforeunload", this.ask);
    this.show(false);
    button.focus({ preventScroll: true });
  }

  disconnectedCallback() {
    this.release();
  }

  show(visible) {
    const start = this.secret.match(/^\w+?_\w+?_/)?.[0] ?? "";
    this.shown.textContent = visible ? this.secret : start + "•".repeat(24);
    this.toggle.setAttribute("aria-pressed", String(visible));
  }

  release() {
    window.removeEventListener("beforeunload", this.ask);
  }
});
