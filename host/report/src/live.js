"use strict";
// While the work runs: what it does, and the page anew when there is more to see.
const live = document.getElementById("live");
const ask = async () => {
  try {
    const answer = await fetch("state", { cache: "no-store" });
    const state = await answer.json();
    if (String(state.version) !== live.dataset.version) return location.reload();
    live.textContent = state.status;
    setTimeout(ask, 1000);
  } catch {
    live.textContent = "The program has ended; this is what it had found.";
  }
};
if (live.dataset.over !== "true") setTimeout(ask, 1000);
