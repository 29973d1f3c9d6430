// What did one user's client hear and call, readable while it happens?

import { element } from "./elements.js";

const ENTRIES_MAX = 200;
const KINDS = { newConversation: "row", conversationChanged: "row", conversationDeleted: "gone", totalUnreadMessageCountChanged: "total", unreadMessageCountChangedByFilter: "total" };
const ARROWS = { in: "↓", out: "↑", note: "·" };
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

export class WireLog {
  events = 0;
  #rows = 0;
  #entries = element("ol", { class: "wire-entries" });
  #counts = element("span", { class: "wire-counts" });
  #latest = element("span", { class: "wire-latest" });
  element = element("details", { class: "wire" },
    element("summary", {}, element("strong", {}, "Log"), this.#counts, this.#latest),
    this.#entries,
    element("button", { type: "button", class: "wire-clear", onclick: () => this.#clear() }, "Clear"));

  constructor() {
    this.#count();
  }

  /** `direction`: in, out or note; `payload` is shown in full when its entry is opened. */
  add(direction, payload) {
    const { title, note, kind } = describe(payload);
    if (payload.event) {
      this.events += 1;
      this.#rows += payload.data.conversationList?.length ?? payload.data.conversationIDList?.length ?? 0;
    }
    const body = element("pre", { tabindex: "0" });
    // Pretty-printing hundreds of rows is paid for only by those who look.
    const entry = element("details", { class: `entry ${direction} wire-${kind}`, ontoggle: () => { body.textContent = JSON.stringify(payload, null, 2); } },
      element("summary", {}, element("time", {}, clock.format(Date.now())), element("b", {}, ARROWS[direction]), element("span", { class: "entry-title" }, title),
        element("span", { class: "entry-note" }, note)), body);
    const isAtEnd = this.#entries.scrollHeight - this.#entries.scrollTop - this.#entries.clientHeight < 40;
    this.#entries.append(element("li", {}, entry));
    while (this.#entries.childElementCount > ENTRIES_MAX) this.#entries.firstElementChild.remove();
    if (isAtEnd) this.#entries.scrollTop = this.#entries.scrollHeight;
    this.#latest.textContent = `${ARROWS[direction]} ${title} ${note}`;
    this.#count();
  }

  #count() {
    this.#counts.textContent = `${this.events} events · ${this.#rows} rows`;
  }

  #clear() {
    this.events = this.#rows = 0;
    this.#entries.replaceChildren();
    this.#latest.textContent = "";
    this.#count();
  }
}

function describe(payload) {
  const { event, data, method, params, result, error, note, detail = "" } = payload;
  if (event) return { title: event, note: noteOf(event, data), kind: KINDS[event] ?? "sync" };
  if (note) return { title: note, note: detail, kind: "note" };
  if (params) return { title: method, note: "", kind: "call" };
  return { title: error ? `error ${error.code ?? ""}` : method, note: error?.message ?? summaryOf(result), kind: error ? "gone" : "call" };
}

function noteOf(event, data) {
  if (data.conversationList) return several(data.conversationList.map(({ conversationID }) => conversationID));
  if (data.conversationIDList) return [data.groupName, several(data.conversationIDList)].filter(Boolean).join(" · ");
  if (event === "totalUnreadMessageCountChanged") return String(data.totalUnreadCount);
  if (event === "unreadMessageCountChangedByFilter") return `${data.totalUnreadCount} ${JSON.stringify(data.filter)}`;
  if (data.groupName ?? data.oldName) return data.groupName ?? `${data.oldName} → ${data.newName}`;
  return data.mode ?? data.reason ?? data.message ?? (data.afterMs === undefined ? "" : `${data.afterMs} ms`);
}

function several(ids) {
  return ids.length > 2 ? `${ids.length} rows` : ids.join(", ");
}

function summaryOf(result) {
  return result?.conversationList ? `${result.conversationList.length} rows` : "";
}
