// What is one user's phone: its session, its list, and what can be done to a row?

import { GROUP, REVOKED, addMember, call as callBackend, nameOf, observeSequence, recall } from "/demo/backend.js";
import { Composer } from "/demo/composer.js";
import { Connection } from "/demo/connection.js";
import { ConversationList } from "/demo/conversations.js";
import { element, icon, iconButton } from "/demo/elements.js";
import { FilterBar, FilterTotals, MARKS, hasMark, matches } from "/demo/filters.js";
import { ListView, avatar } from "/demo/list-view.js";
import { openMenu } from "/demo/menu.js";
import { badgeOf, isMuted, titleOf } from "/demo/preview.js";
import { toast, toastError } from "/demo/toast.js";
import { WireLog } from "/demo/wire-log.js";

const PAGE_ROWS = 50;
const PAGE_RETRY_MS = 3_000;
const FLASH_MS = 4_000;
const SYNC_WAIT_MS = 30_000;
const MUTED = 2; // recvOpt: receive, do not notify.
const TRANSPORTS = { websocket: "WebSocket", sse: "SSE + HTTP" };
const MODES = { full: "Full sync", replay: "Replay", failed: "Sync failed", away: "Away", stopped: "Stopped" };

export class Panel {
  list = new ConversationList();
  log = new WireLog();
  missed = 0; // Messages sent to this user while no session was live.
  #storageKey;
  #handlers;
  #device;
  #selected = null;
  #isPaging = false;
  #isDrawing = false;
  #syncStartedAt = null;
  #filtered = null; // Pages of the filter that is shown: {nextSeq, isFinished}
  #waiters = [];
  #status = element("span", { class: "status" });
  #total = element("span", { class: "badge", hidden: true });
  #online = element("button", { type: "button", class: "switch", role: "switch", onclick: () => this.setOnline(!this.isOnline) }, element("span", {}));
  #transport = element("select", { class: "transport", "aria-label": "Transport", onchange: () => this.connection.restart(this.#transport.value) },
    ...Object.entries(TRANSPORTS).map(([value, label]) => element("option", { value }, label)));
  #banner = element("div", { class: "sync", role: "status" });
  #empty = element("div", { class: "empty" });
  #more;

  /** `handlers`: populate(), credentials(), changed(panel) for the tab's badge. */
  constructor({ side, user, peer, transport, root }, handlers) {
    Object.assign(this, { side, user, name: nameOf(user), root });
    this.#handlers = handlers;
    this.#storageKey = `conversations:${side}:${user}`;
    this.#device = deviceOf(side);
    this.#transport.value = transport;
    this.view = new ListView(`Conversations of ${this.name}`, {
      open: (row) => this.#open(row), menu: (row, place, returnTo) => this.#openRowMenu(row, place, returnTo), bottom: () => this.#nextPage(),
    });
    this.composer = new Composer(user, peer, {
      row: (conversationID) => this.list.get(conversationID),
      target: (conversationID) => { this.#selected = conversationID; this.draw(); },
      saveDraft: (conversationID, draftText) => this.call("setConversationDraft", { conversationID, draftText }),
    });
    this.filters = new FilterBar({
      chosen: () => this.#showFiltered(), call: (method, params) => this.#batchCall(method, params), total: (filter) => this.totals?.of(filter) ?? 0,
    });
    this.connection = new Connection({
      user, device: this.#device, transport, window: PAGE_ROWS,
      cursor: () => this.list.cursor,
      filters: () => this.totals.opened(this.filters.watched(this.list.groups)),
      onFrame: (frame) => this.#receive(frame),
      onStatus: (status) => this.#showStatus(status),
      onWire: (direction, payload, bytes) => this.log.add(direction, payload, bytes),
      onProblem: toastError,
    });
    this.totals = new FilterTotals(this.connection);
    this.#build();
    this.#restore();
  }

  get isOnline() { return this.connection.status.kind !== "offline"; }
  get isLive() { return this.connection.status.kind === "live"; }

  setOnline(isOnline) {
    if (isOnline) this.connection.connect();
    else this.connection.disconnect();
  }

  /** Forgets the cursor, and with it the right to a replay. The old list stays on show until the new one is whole. */
  reload() {
    this.list.cursor = null;
    if (this.isOnline) this.connection.restart();
    else this.setOnline(true);
  }

  /** Resolves with the summary of the next finished sync, or gives up waiting. */
  nextSync() {
    return new Promise((resolve, reject) => {
      this.#waiters.push(resolve);
      setTimeout(() => reject(new Error(`${this.name}: no sync has finished.`)), SYNC_WAIT_MS);
    });
  }

  noteMissed() {
    if (this.isLive) return;
    this.missed += 1;
    this.#showBanner("away", "done", `${count(this.missed, "message")} sent meanwhile`);
  }

  /** A call that tells the user when it is refused. Answers undefined then. */
  async call(method, params) {
    if (!this.isOnline) toast(`${this.name}’s phone is offline: done from another device.`);
    return this.connection.call(method, params).catch((error) => { toastError(error); });
  }

  save() {
    try {
      if (this.list.cursor) sessionStorage.setItem(this.#storageKey, this.list.save());
      else sessionStorage.removeItem(this.#storageKey);
    } catch {
      sessionStorage.removeItem(this.#storageKey); // Too large to keep: the next visit begins with a full sync.
    }
  }

  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    // A hidden tab paints no frames, and its list must not wait for one.
    (document.hidden ? setTimeout : requestAnimationFrame)(() => {
      this.#isDrawing = false;
      this.filters.draw(this.list.groups);
      const { filter } = this.filters;
      const rows = filter ? this.list.visibleBy((row) => matches(filter, row), this.#filteredFrom()) : this.list.visible();
      this.view.render(rows, this.#selected);
      this.#total.hidden = this.list.total === 0;
      this.#total.textContent = badgeOf({ unreadCount: this.list.total });
      this.#total.setAttribute("aria-label", `${this.list.total} unread in total`);
      this.#showEmpty(rows.length === 0);
      this.#handlers.changed(this);
    });
  }

  #build() {
    this.#more = iconButton("more", `More for ${this.name}`, () => this.#openPanelMenu(), { "aria-haspopup": "menu" });
    this.#online.setAttribute("aria-label", `${this.name} online`);
    this.root.replaceChildren(
      element("div", { class: "phone" },
        element("header", { class: "phone-header" },
          avatar(this.user, this.name),
          element("div", { class: "phone-title" }, element("h2", {}, element("span", { class: "clip" }, this.name), this.#total), this.#status),
          this.#transport, this.#online, this.#more),
        this.#banner, this.filters.element, element("div", { class: "phone-list" }, this.view.element, this.#empty), this.composer.element),
      this.log.element);
    this.#banner.append(element("span", {}, "Not synced yet"));
  }

  #restore() {
    try {
      const text = sessionStorage.getItem(this.#storageKey);
      if (text) this.list.restore(text);
    } catch {
      this.list = new ConversationList(); // Kept by another version of this page.
    }
    this.draw();
  }

  #receive(frame) {
    for (const row of frame.data.conversationList ?? []) {
      if (row.lastMessage) observeSequence(row.lastMessage.seq);
      if (row.type === GROUP) addMember(row.groupID, this.user);
    }
    if (frame.event === "syncServerStart") {
      // The first sync is timed from the opening of the line: that is what the user waits for.
      this.#syncStartedAt = this.connection.status.kind === "live" ? performance.now() : this.connection.openedAt;
      this.#showBanner(frame.data.mode, "running", "…");
    }
    if (frame.event === "unreadMessageCountChangedByFilter") this.totals.tell(frame.data);
    if (frame.event === "conversationGroupNameChanged") this.filters.renamed(frame.data.oldName, frame.data.newName);
    const { groups } = this.list;
    const summary = this.list.apply(frame);
    if (groups !== this.list.groups) this.#followTotals();
    if (frame.event === "syncServerFinish") this.#syncFinished(summary ?? { mode: frame.data.mode, added: 0, changed: 0, deleted: 0 });
    if (frame.event === "syncServerFailed") this.#showBanner("failed", "failed", `${frame.data.code} · ${frame.data.message}, again in ${seconds(frame.data.retryAfterMs)}`);
    this.draw();
  }

  #syncFinished(summary) {
    if (summary.mode === "full") {
      this.totals.forgetVersions();
      this.#filtered = null; // The new list begins with its first page alone.
    }
    summary.milliseconds = Math.max(1, Math.round(performance.now() - this.#syncStartedAt));
    const counts = [["new", summary.added], ["changed", summary.changed], ["deleted", summary.deleted]].filter(([, rows]) => rows > 0);
    const text = summary.mode === "full"
      ? `${count(summary.added + summary.changed, "row")}${this.list.isFinished ? "" : ", more on scrolling"}`
      : counts.map(([label, rows], index) => `${index === 0 ? count(rows, "row") : rows} ${label}`).join(", ") || "nothing changed";
    const missed = summary.mode === "replay" && this.missed > 0 ? `for ${count(this.missed, "message")}` : null;
    this.missed = 0;
    this.#showBanner(summary.mode, "done", [text, missed, `${summary.milliseconds} ms`].filter(Boolean).join(" · "));
    this.view.watchBottom();
    for (const resolve of this.#waiters.splice(0)) resolve(summary);
  }

  #showBanner(mode, state, text) {
    // A screen reader hears what a sync has brought, not every message that is missed.
    this.#banner.setAttribute("aria-live", state === "running" || mode === "away" ? "off" : "polite");
    this.#banner.className = `sync ${mode} ${state} flash`;
    this.#banner.replaceChildren(element("b", {}, MODES[mode]), element("span", {}, text));
    clearTimeout(this.flashTimer);
    this.flashTimer = setTimeout(() => this.#banner.classList.remove("flash"), FLASH_MS);
  }

  #showStatus(status) {
    const { kind } = status;
    if (kind !== "live" && kind !== "syncing") this.list.interrupt();
    const texts = {
      offline: "Offline", connecting: "Connecting…", syncing: "Syncing…", live: "Live",
      waiting: `Reconnecting in ${seconds(status.delay)}`, stopped: "Stopped",
    };
    this.root.dataset.status = kind;
    this.#online.setAttribute("aria-checked", String(this.isOnline && kind !== "stopped"));
    const again = kind === "stopped" && element("button", { type: "button", class: "link", onclick: () => this.connection.connect() }, "Reconnect");
    this.#status.replaceChildren(element("span", { class: "dot" }), element("span", { class: "clip", title: texts[kind] }, texts[kind]), ...(again ? [again] : []));
    if (kind === "stopped") this.#showBanner("stopped", "failed", status.reason);
    if (status.credentialsNeeded) this.#handlers.credentials();
    if (kind === "live") this.#followTotals();
    this.#handlers.changed(this);
  }

  async #followTotals() {
    await this.totals.follow(this.filters.watched(this.list.groups));
    this.draw();
  }

  #showEmpty(isEmpty) {
    this.#empty.hidden = !isEmpty;
    const isFiltered = this.filters.filter !== null && this.list.size > 0;
    const state = `${this.list.synced} ${isFiltered}`;
    if (!isEmpty || this.#empty.dataset.state === state) return;
    Object.assign(this.#empty.dataset, { state, synced: this.list.synced });
    if (isFiltered) return this.#empty.replaceChildren(icon("chats"), element("h3", {}, "Nothing here"), element("p", {}, "No conversation passes this filter."));
    this.#empty.replaceChildren(...(this.list.synced
      ? [icon("chats"), element("h3", {}, "No conversations yet"), element("p", {}, "Write the first message below, or fill both lists with a dozen lively ones."),
        element("button", { type: "button", class: "primary", onclick: () => this.#handlers.populate() }, "Populate")]
      : Array.from({ length: 6 }, () => element("div", { class: "skeleton" }, element("i"), element("span", {}, element("i"), element("i"))))));
  }

  #showFiltered() {
    this.#filtered = null;
    this.view?.watchBottom();
    this.draw();
  }

  /** Above this orderKey no row that passes is missing. */
  #filteredFrom() {
    if (!this.#filtered) return Infinity;
    return this.#filtered.isFinished ? 0 : this.#filtered.nextSeq;
  }

  /** Those who pass may stand anywhere below: the gateway finds them without the pages between. */
  async #readFiltered(filter) {
    const { generation } = this.list;
    const answer = await this.connection.call("getConversationListByFilter", { filter, nextSeq: this.#filtered?.nextSeq ?? 0, count: PAGE_ROWS });
    if (generation !== this.list.generation || filter !== this.filters.filter) return;
    this.list.applyFilteredPage(answer, generation);
    this.#filtered = { nextSeq: answer.nextSeq, isFinished: answer.isFinished };
  }

  async #nextPage() {
    const { filter } = this.filters;
    if (this.#isPaging || !this.isLive || this.list.isFinished || (filter && this.#filtered?.isFinished)) return;
    this.#isPaging = true;
    const { generation } = this.list;
    try {
      if (filter) await this.#readFiltered(filter);
      else this.list.applyPage(await this.connection.call("getConversationList", { nextSeq: this.list.nextSeq, count: PAGE_ROWS }), generation);
      this.draw();
    } catch (error) {
      toastError(error);
      await new Promise((resolve) => setTimeout(resolve, PAGE_RETRY_MS)); // One failed page must not be the last.
    }
    this.#isPaging = false;
    requestAnimationFrame(() => this.view.watchBottom());
  }

  #open(row) {
    this.#selected = row.conversationID;
    this.composer.aim(row);
    if (row.unreadCount > 0 || row.groupAtInfoList?.length) this.#markRead(row.conversationID);
    if (hasMark(row, MARKS.unread)) this.#mark(row, "unread"); // The mark only records: taking it off is the app's part.
    this.draw();
  }

  #markRead(conversationID) {
    return this.call("cleanConversationUnreadMessageCount", { conversationID, cleanTimestamp: 0, cleanSequence: 0 });
  }

  #mark(row, name) {
    return this.#batchCall("markConversation", { conversationIDList: [row.conversationID], markType: MARKS[name], enableMark: !hasMark(row, MARKS[name]) });
  }

  #openRowMenu(row, place, returnTo) {
    const mark = (name, label) => ({ label, checked: hasMark(row, MARKS[name]), action: () => this.#mark(row, name) });
    const { conversationID } = row;
    const recallable = row.lastMessage?.isSelf && row.lastMessage.status !== REVOKED;
    const muted = isMuted(row);
    openMenu(titleOf(row), [
      { label: "Mark as read", icon: "read", disabled: !row.unreadCount && !row.groupAtInfoList?.length, action: () => this.#markRead(conversationID) },
      { label: row.isPinned ? "Unpin" : "Pin to the top", icon: "pin", action: () => this.call("pinConversation", { conversationID, isPinned: !row.isPinned }) },
      { label: muted ? "Unmute" : "Mute", icon: muted ? "bell" : "muted", action: () => this.#setReceiveOption(conversationID, muted ? 0 : MUTED) },
      null,
      mark("star", "Starred"), mark("unread", "Marked as unread"), mark("fold", "Folded"), mark("hide", "Hidden"),
      { label: "Folders…", icon: "folder", hint: row.conversationGroupList?.join(", ") || undefined, action: () => this.filters.openRowFolders(row, place, returnTo) },
      null,
      { label: row.draftText ? "Edit the draft" : "Write a draft", icon: "pencil", action: () => { this.#selected = conversationID; this.composer.editDraft(row); this.draw(); } },
      row.draftText && { label: "Clear the draft", icon: "clear", action: () => this.#clearDraft(conversationID) },
      { label: "Recall last message", icon: "undo", disabled: !recallable, hint: recallable ? undefined : "If the last one is your own", action: () => recall(this.user, row).catch(toastError) },
      null,
      { label: "Clear history", icon: "clear", action: () => this.call("clearHistoryMessage", { conversationID }) },
      { label: "Delete", icon: "trash", danger: true, action: () => this.call("deleteConversation", { conversationID }) },
    ].filter((item) => item !== "" && item !== undefined), place, returnTo);
  }

  #setReceiveOption(conversationID, recvOpt) {
    return this.#batchCall("setReceiveMessageOpt", { conversationIDList: [conversationID], recvOpt });
  }

  /** A call that answers a result for each id; a refusal among them is told too. */
  async #batchCall(method, params) {
    const answer = await this.call(method, params);
    const refused = answer?.resultList?.find(({ resultCode }) => resultCode !== 0);
    if (refused) toastError({ code: refused.resultCode, message: refused.resultInfo });
  }

  #clearDraft(conversationID) {
    this.composer.forgetText(conversationID);
    return this.call("setConversationDraft", { conversationID, draftText: "" });
  }

  #openPanelMenu() {
    openMenu(this.name, [
      { label: "Mark everything as read", icon: "read", disabled: this.list.total === 0, action: () => this.#markRead("") },
      null,
      { label: "Full sync", icon: "reload", hint: "Reconnect without a cursor", action: () => this.reload() },
      { label: "Cut the line", icon: "cut", hint: "It comes back by itself, with a replay", disabled: !this.isLive, action: () => this.connection.cut() },
      { label: "Kick this device", icon: "kick", hint: "The backend ends the session", disabled: !this.isLive, danger: true,
        action: () => callBackend("kickUser", { userID: this.user, device: this.#device, reason: "kicked by the demo" }).catch(toastError) },
    ], this.#more, this.#more);
  }
}

/** The same after a page reload, another in every tab, so that a kick hits one. */
function deviceOf(side) {
  const key = `conversations:device:${side}`;
  const device = sessionStorage.getItem(key) ?? `web-${side}-${Math.random().toString(36).slice(2, 8)}`;
  sessionStorage.setItem(key, device);
  return device;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}
