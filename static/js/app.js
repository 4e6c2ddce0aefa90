// Loaded on every page. Each module registers one custom element or one behaviour.
import "./elements/copy-button.js";
import "./elements/secret-reveal.js";
import "./elements/filter-bar.js";
import "./elements/theme-toggle.js";
import "./elements/poll-fragment.js";
import "./dialogs.js";
import "./menus.js";
import "./forms.js";
import "./shortcuts.js";
import "./tabs.js";
import "./times.js";
