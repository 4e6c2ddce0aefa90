// <poll-fragment data-url data-seconds>: replaces its content from the URL, while somebody looks.
// It waits while the tab is hidden, a menu is open in it, or the reader's focus is inside it.
customElements.define("poll-fragment", class extends HTMLElement {
  connectedCallback() {
    const seconds = Number(this.dataset.seconds) || 5;
    this.timer = setInterval(() => this.refresh(), seconds * 1000);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  get isBusy() {
    return document.hidden || this.querySelector("details[data-menu][open], dialog[open]")
      || this.contains(document.activeElement);
  }

  // What has not changed stays; what the reader has unfolded stays unfolded.
  show(text) {
    const unfolded = [...this.querySelectorAll("details")].map((details) => details.open);
    this.shown = text;
    this.innerHTML = text;
    [...this.querySelectorAll("details")].forEach((details, index) => { details.open = unfolded[index] ?? false; });
    window.htmx?.process(this);
  }

  async refresh() {
    if (this.isBusy || this.isLoading) return;
    this.isLoading = true;
    try {
      const answer = await fetch(this.dataset.url, { headers: { "HX-Request": "true" } });
      if (answer.status === 286) clearInterval(this.timer);
      const text = answer.ok ? await answer.text() : this.shown;
      if (text !== this.shown && !this.isBusy) {
        this.show(text);
      }
    } catch {
      // The next turn tries again; the content says when it was last updated.
    } finally {
      this.isLoading = false;
    }
  }
});
