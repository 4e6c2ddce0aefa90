// After Scalar: draws the reference into #reference. Addresses come from the server.
const place = document.getElementById("reference");
const theme = document.documentElement.dataset.theme;
const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
window.Scalar.createApiReference(place, {
  ...JSON.parse(place.dataset.configuration),
  agent: { disabled: true },
  darkMode: isDark,
  forceDarkModeState: isDark ? "dark" : "light",
  hideClientButton: true,
  hideDarkModeToggle: true,
  mcp: { disabled: true },
  persistAuth: false,
  showDeveloperTools: "never",
  showDeveloperTools: "never",
  telemetry: false,
  theme: "default",
  withDefaultFonts: false,
});
