// On narrow screens tabs scroll sideways; the one that is open starts in view.
for (const tab of document.querySelectorAll(".tabs__tab[aria-current]")) {
  const tabs = tab.closest(".tabs");
  tabs.scrollLeft += tab.getBoundingClientRect().right - tabs.getBoundingClientRect().right;
}
