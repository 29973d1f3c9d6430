// What is one user's phone: its client, its list, and what can be done to a row?

import { createClient, indexedDBStorage, memoryStorage } from "conversation-client";
import { dropToken, tokenFor } from "./access.js";
import { GROUP, REVOKED, addMember, call as callBackend, nameOf, observeSequence, recall } from "./backend.js";
import { Composer } from "./composer.js";
import { element, icon, iconButton } from "./elements.js";
import { FilterBar, MARKS, hasMark } from "./filters.js";
import { ListView, avatar } from "./list-view.js";
import { openMenu } from "./menu.js";
import { badgeOf, isMuted, titleOf } from "./preview.js";
import { Speech } from "./speech.js";
import { toast, toastError } from "./toast.js";
import { onTyping, typingIn } from "./typing.js";
import { WireLog } from "./wire-log.js";

const PAGE_ROWS = 200;
const PAGE_RETRY_MS = 3_000;
const FLASH_MS = 4_000;
const COUNTDOWN_MS = 500;
const SHORT_WAIT_MS = 1_500; // A shorter one is over before it is read.
const SYNC_WAIT_MS = 30_000;
const MUTED = 2; // recvOpt: receive, do not notify.
/** Calls that the client keeps while it is away, and makes afterwards. */
const KEPT = new Set(["cleanConversationUnreadMessageCount", "pinConversation", "setConversationDraft"]);
const MODES = { full: "Full sync", replay: "Replay", failed: "Sync failed", away: "Away", stopped: "Stopped" };
const STATUSES = { off: "Switched off", connecting: "Connecting…", syncing: "Syncing…", live: "Live", stopped: "Stopped" };

export class Panel {
  log = new WireLog();
  missed = 0; // Messages sent to this user while no session was live.
  client; // The one that lives, or the last that did.
  #drawn; // The one whose list is on the screen: the last, until a new one has something to show.
  #status = { kind: "off" };
  #options;
  #isOn = true;
  #selected = null;
  #isPaging = false;
  #isDrawing = false;
  #sync = null; // The sync under way: {mode, added, changed, deleted, startedAt}
  #openedAt = 0;
  #retryAt = 0;
  #watched = new Map(); // A filter's JSON → the end of its subscription
  #waiters = [];
  #handlers;
  #statusLine = element("span", { class: "status" });
  #total = element("span", { class: "badge", hidden: true });
  #switch = element("button", { type: "button", class: "switch", role: "switch", onclick: () => this.setOnline(!this.#isOn) }, element("span", {}));
  #banner = element("div", { class: "sync", role: "status" });
  #empty = element("div", { class: "empty" });
  #speech = new Speech();
  #more;

  /** `handlers`: populate(), changed(panel) for what stands outside of it. */
  constructor({ side, user, peer, root }, handlers) {
    Object.assign(this, { side, user, name: nameOf(user), root });
    this.#handlers = handlers;
    // Two devices of one user on one page must not share a session or what is saved; two users, or two tabs of one, may.
    const isTwin = user === peer;
    this.#options = {
      url: location.origin, userID: user, device: deviceOf(side), getToken: () => tokenFor(user),
      isShared: !isTwin, storage: isTwin ? memoryStorage() : indexedDBStorage(),
    };
    this.client = this.#drawn = createClient(this.#options);
    this.view = new ListView(`list-${side}`, `Conversations of ${this.name}`, {
      open: (row) => this.#open(row), menu: (row, place, returnTo) => this.#openRowMenu(row, place, returnTo),
      bottom: () => this.#nextPage(), typing: (conversationID) => typingIn(user, conversationID),
    });
    this.composer = new Composer(user, peer, {
      row: (conversationID) => this.#row(conversationID),
      target: (conversationID) => { this.#selected = conversationID; this.draw(); },
      saveDraft: (conversationID, draftText) => this.call("setConversationDraft", { conversationID, draftText }),
    });
    this.filters = new FilterBar(`list-${side}`, {
      chosen: () => this.#showFiltered(), call: (method, params) => this.#batchCall(method, params), total: (filter) => this.#list(filter).totalUnreadCount,
    });
    onTyping(() => this.draw());
    setInterval(() => this.#showStatus(), COUNTDOWN_MS);
    this.#build();
    this.#listen();
  }

  get status() { return this.#status; }
  get isOnline() { return this.#isOn; }
  get isLive() { return this.#status.kind === "live"; }
  get total() { return this.#list(null).totalUnreadCount ?? 0; }

  /** Switches the phone on, or off as if its battery were empty. */
  setOnline(isOn) {
    if (isOn === this.#isOn) return;
    this.#isOn = isOn;
    if (isOn) {
      this.client = createClient(this.#options);
      this.#listen();
    } else {
      this.client.close();
      this.#statusChanged({ kind: "off" });
    }
  }

  /** Forgets the cursor, and with it the right to a replay. The old list stays on show until the new one is whole. */
  async reload() {
    const { client } = this;
    this.setOnline(false);
    await client.forget();
    this.setOnline(true);
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
    if (!this.#isOn) return toast(`${this.name}’s phone is switched off.`, "error");
    if (!this.isLive && KEPT.has(method)) toast(`${this.name} is offline: this is done afterwards.`);
    this.log.add("out", { method, params });
    try {
      const result = await this.client[method](params);
      this.log.add("in", { method, result });
      return result;
    } catch (error) {
      this.log.add("in", { method, error: { code: error.code, message: error.message } });
      return toastError(error);
    }
  }

  /** At most once a frame, however many events come. */
  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    // A hidden tab paints no frames, and its list must not wait for one.
    const soon = document.hidden ? setTimeout : requestAnimationFrame;
    soon(() => {
      this.#isDrawing = false;
      const whole = this.client.list().getSnapshot();
      if (whole.conversations.length || whole.isFinished) this.#drawn = this.client;
      const { conversations, isFinished, conversationGroupList } = this.#list(this.filters.filter);
      this.filters.draw(conversationGroupList);
      this.#watchTotals();
      this.view.render(conversations, { selectedID: this.#selected, isFinished });
      this.#total.hidden = this.total === 0;
      this.#total.textContent = badgeOf({ unreadCount: this.total });
      this.#total.setAttribute("aria-label", `${this.total} unread in total`);
      this.#showEmpty(conversations.length === 0);
      this.#handlers.changed(this);
    });
  }

  #listen() {
    const { client } = this;
    const isCurrent = () => client === this.client && this.#isOn;
    for (const end of this.#watched.values()) end();
    this.#watched.clear();
    // Hears every event, whatever its name.
    client.addConversationListener(new Proxy({}, {
      get: (_, name) => (data) => {
        if (!isCurrent()) return;
        if (name === "onStatusChanged") this.#statusChanged(data);
        else this.#heard(`${name.charAt(2).toLowerCase()}${name.slice(3)}`, data);
      },
    }));
    client.list().subscribe(() => this.draw());
    this.#watchTotals();
    this.#statusChanged(client.getStatus());
  }

  /** The list on the screen, or that of a filter. */
  #list(filter) {
    return this.#drawn.list(filter ?? undefined).getSnapshot();
  }

  #row(conversationID) {
    return this.#list(null).conversations.find((row) => row.conversationID === conversationID);
  }

  #build() {
    this.#more = iconButton("more", `More for ${this.name}`, () => this.#openPanelMenu(), { "aria-haspopup": "menu" });
    this.#switch.setAttribute("aria-label", `${this.name} switched on`);
    this.root.replaceChildren(
      element("div", { class: "phone" },
        element("header", { class: "phone-header" },
          avatar(this.user, this.name),
          element("div", { class: "phone-title" }, element("h2", {}, element("span", { class: "clip" }, this.name), this.#total), this.#statusLine),
          this.#switch, this.#more),
        this.#banner, this.filters.element, element("div", { class: "phone-list" }, this.view.element, this.#empty), this.composer.element, this.#speech.element),
      this.log.element);
    this.#banner.append(element("span", {}, "Not synced yet"));
    this.draw();
  }

  #heard(event, data) {
    this.log.add("in", { event, data });
    for (const row of data.conversationList ?? []) {
      if (row.lastMessage) observeSequence(row.lastMessage.seq);
      if (row.type === GROUP) addMember(row.groupID, this.user);
    }
    if (event === "syncServerStart") {
      // The first sync is timed from the opening of the line: that is what the user waits for.
      const startedAt = this.isLive ? performance.now() : this.#openedAt;
      this.#sync = { mode: data.mode, added: 0, changed: 0, deleted: 0, startedAt };
      this.#showBanner(data.mode, "running", "…");
    }
    if (event === "newConversation") this.#rowsCame("added", data.conversationList);
    if (event === "conversationChanged") this.#rowsCame("changed", data.conversationList);
    if (event === "conversationDeleted" && this.#sync) this.#sync.deleted += data.conversationIDList.length;
    if (event === "conversationGroupNameChanged") this.filters.renamed(data.oldName, data.newName);
    if (event === "syncServerFinish" && this.#sync) this.#syncFinished(this.#sync);
    if (event === "syncServerFailed") this.#showBanner("failed", "failed", `${data.code} · ${data.message}, again in ${seconds(data.retryAfterMs)}`);
  }

  #rowsCame(what, rows) {
    if (this.#sync) this.#sync[what] += rows.length;
    else for (const row of rows) if (this.#isWorthSaying(row)) this.#speech.say(titleOf(row), row.unreadCount);
  }

  /** Something came that the user has neither open nor muted; asked before the list has changed. */
  #isWorthSaying(row) {
    if (isMuted(row) || row.conversationID === this.#selected) return false;
    return row.unreadCount > (this.#row(row.conversationID)?.unreadCount ?? 0);
  }

  #syncFinished(summary) {
    this.#sync = null;
    const milliseconds = Math.max(1, Math.round(performance.now() - summary.startedAt));
    const counts = [["new", summary.added], ["changed", summary.changed], ["deleted", summary.deleted]].filter(([, rows]) => rows > 0);
    const text = summary.mode === "full"
      ? count(summary.added + summary.changed, "row")
      : counts.map(([label, rows], index) => `${index === 0 ? count(rows, "row") : rows} ${label}`).join(", ") || "nothing changed";
    const missed = summary.mode === "replay" && this.missed > 0 ? `for ${count(this.missed, "message")}` : null;
    this.missed = 0;
    this.#showBanner(summary.mode, "done", [text, missed, `${milliseconds} ms`].filter(Boolean).join(" · "));
    for (const resolve of this.#waiters.splice(0)) resolve({ ...summary, milliseconds });
  }

  #showBanner(mode, state, text) {
    // A screen reader hears what a sync has brought, not every message that is missed.
    this.#banner.setAttribute("aria-live", state === "running" || mode === "away" ? "off" : "polite");
    this.#banner.className = `sync ${mode} ${state} flash`;
    this.#banner.replaceChildren(element("b", {}, MODES[mode]), element("span", {}, text));
    clearTimeout(this.flashTimer);
    this.flashTimer = setTimeout(() => this.#banner.classList.remove("flash"), FLASH_MS);
  }

  #statusChanged(status) {
    const { kind } = status;
    if (kind !== this.#status.kind) this.log.add("note", { note: kind, detail: kind === "waiting" ? seconds(status.afterMs) : status.reason });
    this.#status = status;
    if (kind === "connecting") this.#openedAt = performance.now();
    if (kind !== "live" && kind !== "syncing") this.#sync = null;
    if (kind === "waiting") this.#retryAt = Date.now() + status.afterMs;
    if (kind === "stopped") {
      dropToken(this.user);
      this.#showBanner("stopped", "failed", status.reason);
    }
    this.root.dataset.status = kind;
    this.#switch.setAttribute("aria-checked", String(this.#isOn && kind !== "stopped"));
    this.#showStatus();
    this.draw();
  }

  #showStatus() {
    const { kind, afterMs } = this.#status;
    const waits = () => (afterMs < SHORT_WAIT_MS ? "Reconnecting…" : `Offline, next attempt in ${Math.max(0, Math.ceil((this.#retryAt - Date.now()) / 1000))} s`);
    const text = kind === "waiting" ? waits() : STATUSES[kind];
    if (this.#statusLine.dataset.text === text) return;
    this.#statusLine.dataset.text = text;
    const again = kind === "stopped" && element("button", { type: "button", class: "link", onclick: () => this.client.connect() }, "Reconnect");
    this.#statusLine.replaceChildren(element("span", { class: "dot" }), element("span", { class: "clip", title: text }, text), ...(again ? [again] : []));
  }

  /** Filters that are on the screen have their totals told. */
  #watchTotals() {
    const filters = this.filters.watched(this.client.list().getSnapshot().conversationGroupList);
    const wanted = new Map(filters.map((filter) => [JSON.stringify(filter), filter]));
    for (const [key, end] of this.#watched) {
      if (wanted.has(key)) continue;
      end();
      this.#watched.delete(key);
    }
    for (const [key, filter] of wanted) {
      if (!this.#watched.has(key)) this.#watched.set(key, this.client.list(filter).subscribe(() => this.draw()));
    }
  }

  #showEmpty(isEmpty) {
    this.#empty.hidden = !isEmpty;
    const whole = this.#list(null);
    const isKnown = whole.conversations.length > 0 || whole.isFinished;
    const isFiltered = this.filters.filter !== null && isKnown && whole.conversations.length > 0;
    const state = `${isKnown} ${isFiltered}`;
    if (!isEmpty || this.#empty.dataset.state === state) return;
    Object.assign(this.#empty.dataset, { state, synced: isKnown });
    if (isFiltered) return this.#empty.replaceChildren(icon("chats"), element("h3", {}, "Nothing here"), element("p", {}, "No conversation passes this filter."));
    this.#empty.replaceChildren(...(isKnown
      ? [icon("chats"), element("h3", {}, "No conversations yet"), element("p", {}, "Write the first message below, or fill the list with a dozen lively ones."),
        element("button", { type: "button", class: "primary", onclick: () => this.#handlers.populate() }, "Populate")]
      : Array.from({ length: 6 }, () => element("div", { class: "skeleton" }, element("i"), element("span", {}, element("i"), element("i"))))));
  }

  #showFiltered() {
    this.view.reset();
    this.draw();
  }

  /** The end of the list is near: those who pass a filter may stand anywhere below. */
  async #nextPage() {
    const { filter } = this.filters;
    if (this.#isPaging || !this.isLive || this.#drawn !== this.client || this.#list(filter).isFinished) return;
    this.#isPaging = true;
    try {
      await this.client.list(filter ?? undefined).loadMore(PAGE_ROWS);
    } catch (error) {
      toastError(error);
      await new Promise((resolve) => setTimeout(resolve, PAGE_RETRY_MS)); // One failed page must not be the last.
    }
    this.#isPaging = false;
    this.draw();
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
      { label: "Mark everything as read", icon: "read", disabled: this.total === 0, action: () => this.#markRead("") },
      null,
      { label: "Full sync", icon: "reload", hint: "Come back without a cursor", disabled: !this.#isOn, action: () => this.reload() },
      { label: "Kick this user", icon: "kick", hint: "The backend ends every session", disabled: !this.isLive, danger: true,
        action: () => callBackend("kickUser", { userID: this.user, reason: "kicked by the demo" }).catch(toastError) },
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
