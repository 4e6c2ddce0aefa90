// Draws the table inside it with Chart.js. Words, numbers and colours are the server's: this module
// has none of its own. Without JavaScript the table is what the reader sees.
const MARKERS = ["circle", "rect", "triangle", "rectRot", "star", "crossRot"];

customElements.define("usage-chart", class extends HTMLElement {
  connectedCallback() {
    this.canvas = this.querySelector("canvas");
    if (!this.canvas || !window.Chart) return;
    this.draw();
    this.redraw = () => this.draw();
    document.addEventListener("themechange", this.redraw);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.redraw);
  }

  disconnectedCallback() {
    this.chart?.destroy();
    document.removeEventListener("themechange", this.redraw);
    this.scheme?.removeEventListener("change", this.redraw);
  }

  read() {
    const rows = [...this.querySelectorAll("tbody tr")];
    return {
      labels: rows.map((row) => row.cells[0].firstChild.textContent.trim() || row.cells[0].textContent.trim()),
      links: rows.map((row) => row.cells[0].querySelector("a")?.href),
      texts: rows.map((row) => [...row.cells].slice(1).map((cell) => cell.textContent)),
      series: [...this.querySelectorAll("[data-series]")].map((head, index) => ({
        label: head.textContent,
        data: rows.map((row) => {
          const value = row.cells[index + 1].dataset.value;
          return value === undefined ? null : Number(value);
        }),
      })),
    };
  }

  draw() {
    this.chart?.destroy();
    window.Chart.defaults.font.family = getComputedStyle(this).fontFamily;
    const { kind } = this.dataset;
    const isLine = kind === "line";
    const table = this.read();
    const swatches = [...this.querySelectorAll("[data-swatch]")];
    const grid = getComputedStyle(this.querySelector(".chart__details .table-scroll")).borderTopColor;
    const text = getComputedStyle(this.querySelector(".chart__meta")).color;
    const last = table.labels.length - 1;
    const isPartial = "partial" in this.dataset;
    const datasets = table.series.map((series, index) => {
      const colour = getComputedStyle(swatches[index]).backgroundColor;
      return isLine ? {
        ...series,
        borderColor: colour,
        backgroundColor: colour,
        borderWidth: 2,
        pointRadius: table.labels.length > 20 ? 0 : 3,
        pointStyle: MARKERS[index],
        pointHoverRadius: 5,
        tension: 0.25,
        segment: { borderDash: (at) => (isPartial && at.p1DataIndex === last ? [4, 4] : undefined) },
      } : {
        ...series,
        backgroundColor: (at) => (isPartial && at.dataIndex === last ? hatch(colour) : colour),
        borderColor: colour,
        borderWidth: (at) => (isPartial && at.dataIndex === last ? 1 : 0),
        borderRadius: 2,
        maxBarThickness: 28,
      };
    });
    const values = { beginAtZero: true, stacked: kind === "stacked", border: { display: false },
      grid: { color: grid }, ticks: { color: text, maxTicksLimit: 5, precision: 0 } };
    const names = { stacked: kind === "stacked", grid: { display: false }, border: { color: grid },
      ticks: { color: text, maxRotation: 0, autoSkipPadding: 16 } };
    this.chart = new window.Chart(this.canvas, {
      type: isLine ? "line" : "bar",
      data: { labels: table.labels, datasets },
      options: {
        locale: document.documentElement.lang,
        indexAxis: kind === "bar" ? "y" : "x",
        maintainAspectRatio: false,
        animation: false,
        interaction: { mode: "index", intersect: false, axis: kind === "bar" ? "y" : "x" },
        scales: kind === "bar" ? { x: values, y: names } : { x: names, y: values },
        plugins: {
          legend: { display: false },
          tooltip: { callbacks: {
            label: (at) => ` ${at.dataset.label}: ${table.texts[at.dataIndex][at.datasetIndex]}`,
          } },
        },
        onClick: (event, [hit]) => {
          const link = hit && table.links[hit.index];
          if (link) location.assign(link);
        },
      },
    });
  }
});

// Diagonal lines, so that an unfinished bar differs by more than its colour.
function hatch(colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(0, 6);
  pen.lineTo(6, 0);
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}
