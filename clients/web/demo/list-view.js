// How are rows drawn, however many there are, kept in order with motion, and moved through by keyboard?

import { GROUP } from "./backend.js";
import { element, icon, iconButton } from "./elements.js";
import { MARKS, hasMark } from "./filters.js";
import { avatarOf, badgeOf, isMuted, previewOf, timeOf, titleOf } from "./preview.js";

const ROW_PX = 70; // The height of .row in style.css.
const SPARE_ROWS = 8; // Drawn above and below what is seen, so that a scroll has something to show at once.
const AHEAD_ROWS = 30; // So near to the end the next page is asked for.
const MARK_ICONS = { star: "starred", fold: "folded", hide: "hidden" };

export function avatar(id, name, isGroup = false) {
  const { initial, tone } = avatarOf(id, name);
  return element("span", { class: `avatar tone-${tone}${isGroup ? " group" : ""}`, "aria-hidden": "true" }, initial);
}

/**
 * A grid of rows of one height, of which only those in sight are in the document.
 * `handlers`: open(row), menu(row, place, returnTo), bottom(), typing(conversationID) in words.
 */
export class ListView {
  #canvas = element("div", { role: "rowgroup", class: "rows-canvas" });
  element = element("div", { class: "rows", role: "grid" }, this.#canvas);
  #handlers;
  #rows = [];
  #places = new Map(); // conversationID → its place in #rows
  #shown = new Map(); // conversationID → {node, row, isSelected, time, typing}
  #selected = null;
  #active = null; // The one row that Tab reaches; the arrow keys move it.
  #height = 0;

  constructor(id, label, handlers) {
    this.#handlers = handlers;
    this.element.id = id;
    this.element.setAttribute("aria-label", label);
    this.element.addEventListener("keydown", (event) => this.#steer(event));
    this.element.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(([{ contentRect }]) => {
      this.#height = contentRect.height;
      this.#draw();
    }).observe(this.element);
  }

  /** Shows these rows; what the user looks at stays where it is. */
  render(rows, { selectedID, isFinished }) {
    const shiftRows = rows === this.#rows ? 0 : this.#take(rows);
    this.#selected = selectedID;
    this.element.setAttribute("aria-rowcount", String(isFinished ? rows.length : -1));
    this.#canvas.style.height = `${rows.length * ROW_PX}px`;
    // Rows glide to their new places, unless all of them seem to stand still.
    this.element.classList.toggle("still", shiftRows !== 0);
    if (shiftRows !== 0) this.element.scrollTop += shiftRows * ROW_PX;
    this.#draw();
  }

  /** Another list comes: from its beginning. */
  reset() {
    this.element.scrollTop = 0;
    this.#active = null;
  }

  /** Answers by how many rows those in sight have moved together. */
  #take(rows) {
    const [before, focused] = [this.#rows, this.#focusedID()];
    const focusedPlace = this.#places.get(focused);
    this.#rows = rows;
    this.#places = new Map(rows.map(({ conversationID }, place) => [conversationID, place]));
    // The focused row is gone: its neighbour has the focus.
    if (focused !== undefined && !this.#places.has(focused)) this.#focus(Math.min(focusedPlace, rows.length - 1));
    const first = Math.floor(this.element.scrollTop / ROW_PX);
    if (first === 0) return 0;
    const moves = before.slice(first, first + Math.ceil(this.#height / ROW_PX))
      .flatMap(({ conversationID }, place) => (this.#places.has(conversationID) ? [this.#places.get(conversationID) - first - place] : []));
    return moves.reduce((least, move) => (Math.abs(move) < Math.abs(least) ? move : least), moves[0] ?? 0);
  }

  #draw() {
    const { scrollTop } = this.element;
    const inSight = Math.floor(scrollTop / ROW_PX);
    const first = Math.max(0, inSight - SPARE_ROWS);
    const end = Math.min(this.#rows.length, Math.ceil((scrollTop + this.#height) / ROW_PX) + SPARE_ROWS);
    const places = Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
    const focused = this.#places.get(this.#focusedID());
    // The row with the focus stays in the document, or the focus would be lost.
    if (focused < first) places.unshift(focused);
    if (focused >= end) places.push(focused);
    this.#put(places.map((place) => this.#nodeFor(place)));
    if (focused === undefined && !this.#shown.has(this.#active)) this.#active = this.#rows[inSight]?.conversationID ?? null;
    this.#markActive();
    if (end > this.#rows.length - AHEAD_ROWS) this.#handlers.bottom();
  }

  /** Brings the nodes of the document to these, in their order, without moving the one that has the focus. */
  #put(nodes) {
    const wanted = new Set(nodes);
    for (const [conversationID, { node }] of this.#shown) {
      if (wanted.has(node)) continue;
      node.remove();
      this.#shown.delete(conversationID);
    }
    let next = this.#canvas.firstElementChild;
    for (const node of nodes) {
      if (node.contains(document.activeElement)) while (next !== node) next = this.#last(next);
      if (node === next) next = next.nextElementSibling;
      else this.#canvas.insertBefore(node, next);
    }
  }

  /** Moves a node to the end, for its turn to come, and answers the one that followed it. */
  #last(node) {
    const next = node.nextElementSibling;
    this.#canvas.append(node);
    return next;
  }

  #focusedID() {
    return this.#canvas.contains(document.activeElement) ? document.activeElement.closest(".row").dataset.id : undefined;
  }

  #nodeFor(place) {
    const row = this.#rows[place];
    const { conversationID } = row;
    const now = { row, isSelected: conversationID === this.#selected, time: timeOf(row), typing: this.#handlers.typing(conversationID) };
    const shown = this.#shown.get(conversationID);
    const node = shown?.node ?? this.#makeNode(conversationID);
    if (!shown || Object.keys(now).some((field) => now[field] !== shown[field])) this.#fill(node, now);
    this.#shown.set(conversationID, { node, ...now });
    node.style.transform = `translateY(${place * ROW_PX}px)`;
    node.setAttribute("aria-rowindex", String(place + 1));
    return node;
  }

  #makeNode(conversationID) {
    const row = () => this.#shown.get(conversationID).row;
    const main = element("button", { type: "button", class: "row-main", onclick: () => this.#handlers.open(row()) });
    const more = iconButton("more", "Actions", () => this.#handlers.menu(row(), more, main), { class: "row-more", "aria-haspopup": "menu" });
    const node = element("div", { class: "row", role: "row", "data-id": conversationID, onfocusin: () => { this.#active = conversationID; this.#markActive(); } },
      element("div", { role: "gridcell" }, main), element("div", { role: "gridcell" }, more));
    node.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      const isPointer = event.clientX !== 0 || event.clientY !== 0; // The keyboard's menu key gives no place of its own.
      this.#handlers.menu(row(), isPointer ? { x: event.clientX, y: event.clientY } : more, main);
    });
    return node;
  }

  #fill(node, { row, isSelected, time, typing }) {
    const title = titleOf(row);
    const muted = isMuted(row);
    const badge = badgeOf(row);
    node.classList.toggle("pinned", row.isPinned);
    node.classList.toggle("selected", isSelected);
    const main = node.querySelector(".row-main");
    main.setAttribute("aria-current", isSelected ? "true" : "false");
    const preview = typing ? [{ kind: "typing", text: typing }] : previewOf(row);
    main.replaceChildren(
      avatar(row.userID || row.groupID, title, row.type === GROUP),
      element("span", { class: "row-name" }, element("span", { class: "clip" }, title), muted && icon("muted"), muted && hidden("muted")),
      element("span", { class: "row-time" }, time),
      element("span", { class: "row-preview" }, ...preview.map(({ kind, text }) => element("span", { class: kind }, text))),
      element("span", { class: "row-marks" },
        ...Object.entries(MARK_ICONS).filter(([name]) => hasMark(row, MARKS[name])).flatMap(([name, label]) => [icon(name), hidden(label)]),
        row.isPinned && icon("pin"), row.isPinned && hidden("pinned"),
        badge && element("span", { class: muted ? "badge quiet" : "badge" }, badge), badge && hidden("unread"),
        !badge && hasMark(row, MARKS.unread) && element("span", { class: "badge dot-only" }, hidden("marked as unread"))),
    );
    node.querySelector(".row-more").setAttribute("aria-label", `Actions for ${title}`);
  }

  #markActive() {
    for (const [conversationID, { node }] of this.#shown) {
      for (const button of node.querySelectorAll("button")) button.tabIndex = conversationID === this.#active ? 0 : -1;
    }
  }

  #steer(event) {
    const row = event.target.closest?.(".row");
    if (!row) return;
    const place = this.#places.get(row.dataset.id);
    const page = Math.max(1, Math.floor(this.#height / ROW_PX) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const buttons = { ArrowRight: ".row-more", ArrowLeft: ".row-main" };
    if (event.key in steps) this.#focus(Math.max(0, Math.min(this.#rows.length - 1, place + steps[event.key])));
    else if (event.key in buttons) row.querySelector(buttons[event.key]).focus();
    else return;
    event.preventDefault();
  }

  /** Focuses the row at a place, which comes into sight if it is not. */
  #focus(place) {
    const row = this.#rows[place];
    if (!row) return;
    const top = place * ROW_PX;
    const { scrollTop } = this.element;
    this.#canvas.style.height = `${this.#rows.length * ROW_PX}px`;
    if (top < scrollTop) this.element.scrollTop = top;
    if (top + ROW_PX > scrollTop + this.#height) this.element.scrollTop = top + ROW_PX - this.#height;
    this.#draw();
    this.#shown.get(row.conversationID).node.querySelector(".row-main").focus({ preventScroll: true });
  }
}

function hidden(text) {
  return element("span", { class: "visually-hidden" }, ` ${text} `);
}
