// What does the user see when a call fails, or is worth a word?

import { element, icon } from "./elements.js";

const SHOWN_MS = 5_000;
const SHOWN_MAX = 4; // Older ones go first: a failing loop must not fill the screen.

export function toast(text, kind = "note") {
  const region = document.getElementById("toasts");
  const node = element("div", { class: `toast ${kind}` }, icon(kind === "error" ? "alert" : "check"), element("span", {}, text));
  // The same words again only start their time anew.
  for (const shown of [...region.children]) if (shown.textContent === text) shown.remove();
  region.append(node);
  while (region.childElementCount > SHOWN_MAX) region.firstElementChild.remove();
  setTimeout(() => node.remove(), SHOWN_MS);
}

/** Names the code and the message of a refused call. */
export function toastError(error) {
  toast(error.code ? `${error.code} · ${error.message}` : error.message, "error");
}
