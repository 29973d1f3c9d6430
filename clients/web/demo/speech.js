// What does a screen reader say of what comes? Not every message: what came within a while, in one sentence.

import { element } from "./elements.js";

const COLLECT_MS = 1_500;

export class Speech {
  element = element("div", { class: "visually-hidden", "aria-live": "polite" });
  #unread = new Map(); // A conversation's name → its unread messages

  say(title, unreadCount) {
    if (this.#unread.size === 0) setTimeout(() => this.#speak(), COLLECT_MS);
    this.#unread.set(title, unreadCount);
  }

  #speak() {
    const [[title, unreadCount]] = this.#unread;
    this.element.textContent = this.#unread.size === 1 ? `${title}: ${unreadCount} unread` : `News in ${this.#unread.size} conversations`;
    this.#unread.clear();
  }
}
