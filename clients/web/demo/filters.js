// Which part of the list is shown, which folders are there, and how much is unread in each?

import { element, icon, iconButton } from "./elements.js";
import { openMenu } from "./menu.js";
import { badgeOf } from "./preview.js";

export const MARKS = { star: 1, unread: 2, fold: 4, hide: 8 };
const FILTERS_MAX = 20; // The gateway's limit for one session.
const NAME_BYTES_MAX = 32;
const ALL = { label: "All", filter: null };
const FIXED = [
  ALL,
  { label: "Unread", filter: { hasUnreadCount: true } },
  { label: "Mentions", filter: { hasGroupAtInfo: true } },
  { label: "Starred", filter: { markType: MARKS.star }, icon: "star" },
];

export function hasMark(row, mark) {
  return row.markList?.includes(mark) ?? false;
}

/** `handlers`: chosen(filter), call(method, params), total(filter) of unread messages, null where it is not known. */
export class FilterBar {
  #chips = element("div", { class: "filters-chips", role: "tablist", "aria-label": "Show" });
  filter = null;
  #listID;
  #handlers;
  #groups = [];
  #drawn = "";
  #manage = iconButton("folder", "Folders", () => this.#openMenu(), { class: "icon-button filters-manage", "aria-haspopup": "menu" });
  element = element("div", { class: "filters" }, this.#chips, this.#manage);

  /** `listID`: of the element that shows what passes. */
  constructor(listID, handlers) {
    this.#listID = listID;
    this.#handlers = handlers;
    this.element.addEventListener("keydown", (event) => this.#steer(event));
    this.draw([]);
  }

  /** What the session should be told the totals of. */
  watched(groups) {
    return this.#choices(groups).map(({ filter }) => filter).filter(Boolean).slice(0, FILTERS_MAX);
  }

  /** The folder that is shown has another name, or is gone. */
  renamed(oldName, newName) {
    if (this.filter?.conversationGroup === oldName) this.filter = { conversationGroup: newName };
  }

  draw(groups) {
    this.#groups = groups;
    const name = this.filter?.conversationGroup;
    if (name !== undefined && !groups.includes(name)) this.#choose(null);
    const choices = this.#choices(groups).map((choice) => ({ ...choice, badge: choice.filter ? badgeOf({ unreadCount: this.#handlers.total(choice.filter) }) : "" }));
    const now = JSON.stringify([choices, this.filter]);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const focused = [...this.#chips.children].indexOf(document.activeElement);
    this.#chips.replaceChildren(...choices.map((choice) => this.#button(choice)));
    this.#chips.querySelector("[aria-selected=true]").scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focused >= 0) this.#chips.children[Math.min(focused, choices.length - 1)].focus({ preventScroll: true });
  }

  /** A menu of all folders, checked where the row is in them. */
  openRowFolders(row, place, returnTo) {
    const conversationIDList = [row.conversationID];
    const items = this.#groups.map((groupName) => {
      const checked = row.conversationGroupList?.includes(groupName) ?? false;
      const method = checked ? "deleteConversationsFromGroup" : "addConversationsToGroup";
      return { label: groupName, checked, action: () => this.#handlers.call(method, { groupName, conversationIDList }) };
    });
    openMenu("Folders", [...items, items.length > 0 && null, { label: "New folder…", icon: "plus", action: () => this.#create(conversationIDList) }].filter((item) => item !== false), place, returnTo);
  }

  #choices(groups) {
    return [...FIXED, ...groups.map((name) => ({ label: name, filter: { conversationGroup: name }, icon: "folder" }))];
  }

  #button({ label, filter, icon: name, badge }) {
    const isChosen = JSON.stringify(filter) === JSON.stringify(this.filter);
    return element("button", { type: "button", class: "filter", role: "tab", "aria-controls": this.#listID, "aria-selected": String(isChosen), tabindex: isChosen ? "0" : "-1", onclick: () => this.#choose(filter) },
      name && icon(name), element("span", { class: "clip" }, label),
      badge && element("span", { class: "filter-count" }, badge, element("span", { class: "visually-hidden" }, " unread")));
  }

  #choose(filter) {
    this.filter = filter;
    this.#handlers.chosen(filter);
  }

  #openMenu() {
    const name = this.filter?.conversationGroup;
    openMenu("Folders", [
      { label: "New folder…", icon: "plus", action: () => this.#create([]) },
      name !== undefined && { label: `Rename “${name}”…`, icon: "pencil", action: () => this.#rename(name) },
      name !== undefined && { label: `Delete “${name}”`, icon: "trash", hint: "Its conversations stay", danger: true, action: () => this.#handlers.call("deleteConversationGroup", { groupName: name }) },
      name === undefined && { label: "Rename or delete", icon: "folder", disabled: true, hint: "Show a folder first" },
    ].filter(Boolean), this.#manage, this.#manage);
  }

  async #create(conversationIDList) {
    const groupName = await askName("New folder", "");
    if (groupName) await this.#handlers.call("createConversationGroup", { groupName, conversationIDList });
  }

  async #rename(oldName) {
    const newName = await askName("Rename the folder", oldName);
    if (newName && newName !== oldName) await this.#handlers.call("renameConversationGroup", { oldName, newName });
  }

  #steer(event) {
    const tabs = [...this.#chips.children];
    const at = tabs.indexOf(event.target.closest("[role=tab]"));
    const aims = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
    if (at < 0 || !(event.key in aims)) return;
    event.preventDefault();
    tabs.at(aims[event.key] % tabs.length).focus();
  }
}

/** Resolves with the name, or "" where the user thinks better of it. */
function askName(title, value) {
  const input = element("input", { name: "folder", value, autocomplete: "off", required: true, maxlength: String(NAME_BYTES_MAX) });
  const dialog = element("dialog", { "aria-label": title },
    element("form", { method: "dialog" },
      element("h2", {}, title),
      element("label", {}, "Name, at most 32 bytes", input),
      element("div", { class: "dialog-actions" },
        element("button", { type: "button", class: "link", onclick: () => dialog.close("") }, "Cancel"),
        element("button", { type: "submit", class: "primary", value: "save" }, "Save"))));
  const check = () => input.setCustomValidity(new TextEncoder().encode(input.value.trim()).length > NAME_BYTES_MAX ? "At most 32 bytes." : "");
  input.addEventListener("input", check);
  document.body.append(dialog);
  dialog.showModal();
  input.select();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "save" ? input.value.trim() : "");
  }));
}
