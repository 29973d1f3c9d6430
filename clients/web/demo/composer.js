// How does one user write: to whom, with which options, and what becomes of text that was not sent?

import { AT_ALL, C2C, GROUP, audienceOf, conversationOf, messageFrom, nameOf, send } from "./backend.js";
import { element, iconButton } from "./elements.js";
import { openMenu } from "./menu.js";
import { toastError } from "./toast.js";
import { tellTyping } from "./typing.js";

const OPTIONS = {
  isExcludedFromLastMessage: { label: "Keep out of the preview", chip: "not in preview", hint: "Counts, but neither shows nor lifts the row" },
  isExcludedFromUnreadCount: { label: "Do not count as unread", chip: "not counted", hint: "Lifts the row without a badge" },
  mentionsPeer: { label: "Mention", chip: "@", groupOnly: true },
  mentionsAll: { label: "Mention everyone", chip: "@all", groupOnly: true },
};

export class Composer {
  #user;
  #peer;
  #handlers;
  #options = new Set();
  #targets = new Map(); // conversationID → {type, id}, what can be chosen
  #to = element("select", { "aria-label": "To", onchange: () => this.#handlers.target(this.#to.value) });
  #text = element("input", { type: "text", placeholder: "Message", "aria-label": "Message", maxlength: "500", autocomplete: "off", enterkeyhint: "send", oninput: () => this.#typed() });
  #chips = element("span", { class: "chips" });
  #more = iconButton("plus", "Message options", () => this.#openOptions(), { "aria-haspopup": "menu" });
  #draft = iconButton("pencil", "Keep as draft", () => this.#keepDraft());
  #send = iconButton("send", "Send", undefined, { type: "submit", class: "icon-button send" });
  element;

  /** `handlers`: target(conversationID) when another one was chosen, row(conversationID), saveDraft(conversationID, text). */
  constructor(user, peer, handlers) {
    this.#user = user;
    this.#peer = peer;
    this.#handlers = handlers;
    this.element = element("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); this.#submit(); } },
      element("label", { class: "composer-to" }, element("span", {}, "To"), this.#to, this.#chips),
      element("div", { class: "composer-line" }, this.#more, this.#text, this.#draft, this.#send));
    if (peer && peer !== user) this.#offer({ type: C2C, id: peer });
    this.#offer({ type: GROUP, id: "team" });
    this.#refresh();
  }

  get conversationID() { return this.#to.value; }

  /** Writes to this row from now on. What stood here goes to the old row's draft, and this row's draft comes back. */
  aim(row) {
    if (this.#to.value === row.conversationID) return;
    this.#keepDraft();
    this.#offer(conversationOf(row), row.showName);
    this.#to.value = row.conversationID;
    this.#text.value = row.draftText ?? "";
    this.#options.clear();
    this.#refresh();
  }

  editDraft(row) {
    this.aim(row);
    this.#text.value ||= row.draftText ?? "";
    this.#refresh();
    this.#text.focus();
  }

  /** The draft was cleared elsewhere than here. */
  forgetText(conversationID) {
    if (conversationID !== this.#to.value) return;
    this.#text.value = "";
    this.#refresh();
  }

  #offer({ type, id }, name = nameOf(id)) {
    const conversationID = `${type === GROUP ? "group" : "c2c"}_${id}`;
    if (this.#targets.has(conversationID)) return;
    this.#targets.set(conversationID, { type, id });
    this.#to.append(element("option", { value: conversationID }, type === GROUP ? `${name || id} (group)` : name || id));
  }

  #typed() {
    this.#refresh();
    const target = this.#targets.get(this.#to.value);
    for (const seenAs of audienceOf(this.#user, target)) tellTyping({ ...seenAs, name: nameOf(this.#user) });
  }

  #refresh() {
    const hasText = this.#text.value.trim() !== "";
    const draft = this.#handlers.row(this.#to.value)?.draftText ?? "";
    this.#send.disabled = !hasText;
    this.#draft.hidden = !hasText || this.#text.value === draft;
    this.#chips.replaceChildren(...[...this.#options].map((name) => element("span", { class: "chip" }, this.#chip(name))));
  }

  #chip(name) {
    return name === "mentionsPeer" ? `@${nameOf(this.#peer)}` : OPTIONS[name].chip;
  }

  #openOptions() {
    const isGroup = this.#targets.get(this.#to.value).type === GROUP;
    const items = Object.entries(OPTIONS).filter(([name]) => this.#peer || name !== "mentionsPeer").map(([name, { label, hint, groupOnly }]) => ({
      label: name === "mentionsPeer" ? `${label} ${nameOf(this.#peer)}` : label,
      hint: groupOnly && !isGroup ? "In a group only" : hint,
      disabled: groupOnly && !isGroup,
      checked: this.#options.has(name),
      action: () => { if (!this.#options.delete(name)) this.#options.add(name); this.#refresh(); },
    }));
    openMenu("Message options", items, this.#more, this.#more);
  }

  async #keepDraft() {
    const conversationID = this.#to.value;
    const text = this.#text.value.trim();
    const before = this.#handlers.row(conversationID)?.draftText ?? "";
    if (text === before || (text === "" && before === "")) return;
    this.#text.value = "";
    this.#refresh();
    await this.#handlers.saveDraft(conversationID, text);
  }

  async #submit() {
    const text = this.#text.value.trim();
    if (!text) return;
    const target = this.#targets.get(this.#to.value);
    const atUserList = [];
    if (this.#options.has("mentionsPeer")) atUserList.push(this.#peer);
    if (this.#options.has("mentionsAll")) atUserList.push(AT_ALL);
    const mentions = atUserList.length ? `${["mentionsPeer", "mentionsAll"].filter((name) => this.#options.has(name)).map((name) => this.#chip(name)).join(" ")} ` : "";
    const message = {
      ...(atUserList.length && { atUserList }),
      isExcludedFromLastMessage: this.#options.has("isExcludedFromLastMessage"),
      isExcludedFromUnreadCount: this.#options.has("isExcludedFromUnreadCount"),
    };
    const conversationID = this.#to.value;
    const hadDraft = Boolean(this.#handlers.row(conversationID)?.draftText);
    this.#text.value = "";
    this.#options.clear();
    this.#refresh();
    try {
      await send(messageFrom(this.#user, target, mentions + text, message));
      if (hadDraft) await this.#handlers.saveDraft(conversationID, "");
    } catch (error) {
      this.#text.value ||= text;
      this.#refresh();
      toastError(error);
    }
  }
}
