// How are the rows drawn, kept in order with motion, and moved through by keyboard?

import { GROUP } from "/demo/backend.js";
import { element, icon, iconButton } from "/demo/elements.js";
import { MARKS, hasMark } from "/demo/filters.js";
import { avatarOf, badgeOf, isMuted, previewOf, timeOf, titleOf } from "/demo/preview.js";

const MOVE_MS = 260;
const MARK_ICONS = { star: "starred", fold: "folded", hide: "hidden" };
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

export function avatar(id, name, isGroup = false) {
  const { initial, tone } = avatarOf(id, name);
  return element("span", { class: `avatar tone-${tone}${isGroup ? " group" : ""}`, "aria-hidden": "true" }, initial);
}

/** `handlers`: open(row), menu(row, place, returnTo), bottom(). */
export class ListView {
  element = element("ul", { class: "rows", role: "list" });
  #handlers;
  #shown = new Map(); // conversationID → {node, row, isSelected, time}
  #sentinel = element("li", { class: "rows-end", "aria-hidden": "true" });
  #bottomWatch;
  #active = null; // The one row that Tab reaches; the arrow keys move it.

  constructor(label, handlers) {
    this.#handlers = handlers;
    this.element.setAttribute("aria-label", label);
    this.element.addEventListener("keydown", (event) => this.#steer(event));
    this.element.append(this.#sentinel);
    this.#bottomWatch = new IntersectionObserver(([entry]) => entry.isIntersecting && handlers.bottom(), { root: this.element, rootMargin: "200px" });
    this.watchBottom();
  }

  /** Asks again whether the end is in sight: after a page that did not fill the screen it still is. */
  watchBottom() {
    this.#bottomWatch.unobserve(this.#sentinel);
    this.#bottomWatch.observe(this.#sentinel);
  }

  render(rows, selectedID) {
    const before = this.#orderChanges(rows) ? this.#places() : null;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    const known = new Set(this.#shown.keys());
    let next = this.element.firstElementChild;
    for (const row of rows) {
      const node = this.#nodeFor(row, row.conversationID === selectedID);
      known.delete(row.conversationID);
      if (node === next) next = next.nextElementSibling;
      else this.element.insertBefore(node, next);
    }
    for (const conversationID of known) this.#remove(conversationID);
    if (!this.#shown.has(this.#active)) this.#active = rows[0]?.conversationID ?? null;
    this.#markActive();
    // Moving a node takes the focus from it.
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    if (before) this.#animate(before);
  }

  #orderChanges(rows) {
    if (reducedMotion.matches || document.hidden || this.#shown.size === 0) return false;
    const nodes = this.element.children;
    return rows.length !== this.#shown.size || rows.some((row, index) => nodes[index].dataset.id !== row.conversationID);
  }

  #places() {
    const places = new Map();
    for (const [conversationID, { node }] of this.#shown) places.set(conversationID, node.getBoundingClientRect().top);
    return places;
  }

  /** First, last, invert, play: each row starts where it was and glides to where it is. */
  #animate(before) {
    const { top, bottom } = this.element.getBoundingClientRect();
    for (const [conversationID, { node }] of this.#shown) {
      for (const animation of node.getAnimations()) animation.cancel();
      const now = node.getBoundingClientRect();
      const was = before.get(conversationID);
      const isSeen = (now.bottom > top && now.top < bottom) || (was > top - now.height && was < bottom);
      if (!isSeen || was === now.top) continue;
      const from = was === undefined ? { opacity: 0, transform: "translateY(-12px)" } : { transform: `translateY(${was - now.top}px)` };
      // What rises passes above what sinks.
      const zIndex = was > now.top ? 1 : 0;
      node.animate([{ ...from, zIndex }, { transform: "none", zIndex }], { duration: MOVE_MS, easing: "cubic-bezier(.2,.8,.2,1)" });
    }
  }

  #nodeFor(row, isSelected) {
    const { conversationID } = row;
    const time = timeOf(row);
    const shown = this.#shown.get(conversationID);
    if (shown && shown.row === row && shown.isSelected === isSelected && shown.time === time) return shown.node;
    const node = shown?.node ?? this.#makeNode(conversationID);
    this.#fill(node, row, isSelected, time);
    this.#shown.set(conversationID, { node, row, isSelected, time });
    return node;
  }

  #makeNode(conversationID) {
    const row = () => this.#shown.get(conversationID).row;
    const main = element("button", { type: "button", class: "row-main", onclick: () => this.#handlers.open(row()) });
    const more = iconButton("more", "Actions", () => this.#handlers.menu(row(), more, main), { class: "row-more", "aria-haspopup": "menu" });
    const node = element("li", { class: "row", "data-id": conversationID, onfocusin: () => { this.#active = conversationID; this.#markActive(); } }, main, more);
    node.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      const isPointer = event.clientX !== 0 || event.clientY !== 0; // The keyboard's menu key gives no place of its own.
      this.#handlers.menu(row(), isPointer ? { x: event.clientX, y: event.clientY } : more, main);
    });
    return node;
  }

  #fill(node, row, isSelected, time) {
    const title = titleOf(row);
    const muted = isMuted(row);
    const badge = badgeOf(row);
    node.classList.toggle("pinned", row.isPinned);
    node.classList.toggle("selected", isSelected);
    const main = node.firstElementChild;
    main.setAttribute("aria-current", isSelected ? "true" : "false");
    main.replaceChildren(
      avatar(row.userID || row.groupID, title, row.type === GROUP),
      element("span", { class: "row-name" }, element("span", { class: "clip" }, title), muted && icon("muted"), muted && hidden("muted")),
      element("span", { class: "row-time" }, time),
      element("span", { class: "row-preview" }, ...previewOf(row).map(({ kind, text }) => element("span", { class: kind }, text))),
      element("span", { class: "row-marks" },
        ...Object.entries(MARK_ICONS).filter(([name]) => hasMark(row, MARKS[name])).flatMap(([name, label]) => [icon(name), hidden(label)]),
        row.isPinned && icon("pin"), row.isPinned && hidden("pinned"),
        badge && element("span", { class: muted ? "badge quiet" : "badge" }, badge), badge && hidden("unread"),
        !badge && hasMark(row, MARKS.unread) && element("span", { class: "badge dot-only" }, hidden("marked as unread"))),
    );
    main.nextElementSibling.setAttribute("aria-label", `Actions for ${title}`);
  }

  #remove(conversationID) {
    this.#shown.get(conversationID).node.remove();
    this.#shown.delete(conversationID);
  }

  #markActive() {
    for (const [conversationID, { node }] of this.#shown) {
      for (const button of node.children) button.tabIndex = conversationID === this.#active ? 0 : -1;
    }
  }

  #steer(event) {
    const node = event.target.closest?.(".row");
    if (!node) return;
    const rows = this.element.querySelectorAll(".row");
    const aims = { ArrowDown: node.nextElementSibling, ArrowUp: node.previousElementSibling, Home: rows[0], End: rows[rows.length - 1] };
    if (!(event.key in aims)) return;
    event.preventDefault();
    aims[event.key]?.querySelector(".row-main")?.focus();
  }
}

function hidden(text) {
  return element("span", { class: "visually-hidden" }, ` ${text} `);
}
