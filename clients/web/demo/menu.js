// How does a menu open at a place, work by keyboard, and close?

import { element, icon } from "./elements.js";

const MARGIN_PX = 8;
let close = () => {};

/**
 * `items`: {label, icon, action, danger?, disabled?, checked?, hint?} or null for a line between them.
 * `place`: the button it belongs to, or a point {x, y}. Focus goes back to `returnTo`.
 */
export function openMenu(label, items, place, returnTo) {
  close();
  const buttons = items.filter(Boolean).map((item) => itemButton(item));
  let next = 0;
  const menu = element("div", { class: "menu", role: "menu", "aria-label": label },
    ...items.map((item) => (item ? buttons[next++] : element("hr"))));
  const backdrop = element("div", { class: "menu-backdrop", onpointerdown: () => close(), oncontextmenu: (event) => { event.preventDefault(); close(); } });

  close = (withFocus = true) => {
    close = () => {};
    menu.remove();
    backdrop.remove();
    if (withFocus && returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  };
  menu.addEventListener("keydown", (event) => steer(event, buttons.filter((button) => !button.disabled)));
  menu.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !menu.contains(relatedTarget)) close(false); });
  document.body.append(backdrop, menu);
  put(menu, place);
  buttons.find((button) => !button.disabled)?.focus();
}

function itemButton({ label, icon: name, action, danger, disabled, checked, hint }) {
  const isCheck = checked !== undefined;
  return element("button", {
    type: "button", class: danger ? "danger" : "", disabled, tabindex: "-1",
    role: isCheck ? "menuitemcheckbox" : "menuitem", "aria-checked": isCheck ? String(checked) : undefined,
    onclick: () => { close(); action(); },
  }, icon(isCheck ? (checked ? "checked" : "unchecked") : name),
  element("span", {}, label, hint && element("small", {}, hint)));
}

function steer(event, buttons) {
  const at = buttons.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  if (event.key in steps) buttons.at(steps[event.key] % buttons.length)?.focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
}

/** Inside the window, below the place if there is room. On a phone style.css makes it a sheet at the bottom instead. */
function put(menu, place) {
  const box = place instanceof Element ? place.getBoundingClientRect() : new DOMRect(place.x, place.y, 0, 0);
  const { width, height } = menu.getBoundingClientRect();
  const right = box.width ? box.right - width : box.left;
  const fitsBelow = box.bottom + height + MARGIN_PX < innerHeight;
  menu.style.left = `${Math.max(MARGIN_PX, Math.min(right, innerWidth - width - MARGIN_PX))}px`;
  menu.style.top = `${Math.max(MARGIN_PX, fitsBelow ? box.bottom + 4 : box.top - height - 4)}px`;
}
