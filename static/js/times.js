// Relative times keep up while the page stays open; the words come from the browser's own language data.
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "short" });
const loaded = Date.now();

setInterval(() => {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time.timestamp")) {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    // What the server wrote holds until a minute has passed; older than a month stays a date.
    if (Date.now() - loaded < 60000 || Math.abs(seconds) < 60 || Math.abs(seconds) > 30 * 86400) continue;
    const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length);
    time.textContent = words.format(Math.round(seconds / size), unit);
  }
}, 30000);
