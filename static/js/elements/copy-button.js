import { copy } from "../announce.js";

// Around a [data-copy-source] and a hidden [data-copy] button, which needs JavaScript to be of use.
customElements.define("copy-button", class extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("[data-copy]");
    const source = this.querySelector("[data-copy-source]");
    if (!button || !source) return;
    button.hidden = false;
    button.onclick = () => copy(source.textContent.trim(), button);
  }
});
