// Which conversations does a client hold after the frames it received?

/** The list's order: orderKey, then conversationID, both descending. Pinned rows carry 2^52 in their orderKey. */
export function compareRows(left, right) {
  if (left.orderKey !== right.orderKey) return right.orderKey - left.orderKey;
  return left.conversationID < right.conversationID ? 1 : left.conversationID > right.conversationID ? -1 : 0;
}

class State {
  rows = new Map();
  tombstones = new Map(); // conversationID → version: late rows up to it stay out.
  total = 0;
  totalVersion = -1;
  nextSeq = 0;
  isFinished = true;
  edge = null; // The last row of the pages read so far, {orderKey, conversationID}; null = the whole list is here.

  upsert(row) {
    const known = this.rows.get(row.conversationID)?.version ?? -1;
    const buried = this.tombstones.get(row.conversationID) ?? -1;
    if (row.version > known && row.version > buried) this.rows.set(row.conversationID, row);
  }

  remove(conversationID, version) {
    if ((this.rows.get(conversationID)?.version ?? -1) <= version) this.rows.delete(conversationID);
    if ((this.tombstones.get(conversationID) ?? -1) < version) this.tombstones.set(conversationID, version);
  }

  setTotal(total, version) {
    if (version <= this.totalVersion) return;
    this.total = total;
    this.totalVersion = version;
  }

  /** `rows` were the next page: what is below its last row is not known to be complete. */
  setPage(rows, nextSeq, isFinished) {
    this.nextSeq = nextSeq;
    this.isFinished = isFinished;
    if (isFinished) this.edge = null;
    for (const { orderKey, conversationID } of isFinished ? [] : rows) {
      const key = { orderKey, conversationID };
      if (!this.edge || compareRows(this.edge, key) < 0) this.edge = key;
    }
  }
}

export class ConversationList {
  cursor = null;
  generation = 0; // Rises with every finished full sync; pages asked for before it are void.
  synced = false; // Whether there is anything to show at all.
  groups = []; // The names of the folders.
  #state = new State();
  #fresh = null; // Collects a full sync, while the old list stays on show.
  #sync = null;

  get total() { return this.#state.total; }
  get nextSeq() { return this.#state.nextSeq; }
  get isFinished() { return this.#state.isFinished; }
  get size() { return this.#state.rows.size; }
  get(conversationID) { return this.#state.rows.get(conversationID); }

  /** The rows to show, in order. Rows below the edge of the pages are kept, not shown. */
  visible() {
    const { rows, edge } = this.#state;
    const shown = edge ? [...rows.values()].filter((row) => compareRows(row, edge) <= 0) : [...rows.values()];
    return shown.sort(compareRows);
  }

  /** The rows that pass a filter, down to the orderKey `from`, up to which pages of that filter were read. */
  visibleBy(passes, from) {
    const { rows, edge } = this.#state;
    const end = Math.min(from, edge?.orderKey ?? 0);
    return [...rows.values()].filter((row) => row.orderKey >= end && passes(row)).sort(compareRows);
  }

  /** Returns what a sync that this frame finished has brought, {mode, added, changed, deleted}, else null. */
  apply({ event, cursor, data }) {
    const summary = this.#change(event, data);
    // After the change: a cursor stands for everything up to and with its frame.
    if (cursor) this.cursor = cursor;
    return summary;
  }

  #change(event, data) {
    const state = this.#fresh ?? this.#state;
    switch (event) {
      case "syncServerStart":
        this.#fresh = data.mode === "full" ? new State() : null;
        this.#sync = { mode: data.mode, added: 0, changed: 0, deleted: 0 };
        return null;
      case "newConversation":
      case "conversationChanged":
        for (const row of data.conversationList) state.upsert(row);
        if (this.#sync) this.#sync[event === "newConversation" ? "added" : "changed"] += data.conversationList.length;
        return null;
      case "conversationDeleted":
        for (const conversationID of data.conversationIDList) state.remove(conversationID, data.version);
        if (this.#sync) this.#sync.deleted += data.conversationIDList.length;
        return null;
      case "totalUnreadMessageCountChanged":
        state.setTotal(data.totalUnreadCount, data.version);
        return null;
      case "conversationGroupCreated":
        if (!this.groups.includes(data.groupName)) this.groups = [...this.groups, data.groupName];
        return null;
      case "conversationGroupDeleted":
        this.groups = this.groups.filter((name) => name !== data.groupName);
        return null;
      case "conversationGroupNameChanged":
        this.groups = this.groups.map((name) => (name === data.oldName ? data.newName : name));
        return null;
      case "syncServerFinish":
        this.groups = data.conversationGroupList ?? [];
        return this.#finish(data);
      case "syncServerFailed":
        this.interrupt();
        return null;
      default:
        return null; // The other notices of groups and whatever a newer server adds: the rows carry the state.
    }
  }

  #finish(data) {
    const summary = this.#sync;
    if (this.#fresh) {
      this.#fresh.setPage([...this.#fresh.rows.values()], data.nextSeq, data.isFinished);
      this.#state = this.#fresh;
      this.generation += 1;
    }
    this.#fresh = this.#sync = null;
    this.synced = true;
    return summary;
  }

  /** A page that was asked for in `generation` has come. */
  applyPage({ conversationList, nextSeq, isFinished }, generation) {
    if (generation !== this.generation) return;
    for (const row of conversationList) this.#state.upsert(row);
    this.#state.setPage(conversationList, nextSeq, isFinished);
  }

  /** Rows of a filtered page: below the edge they are kept, and shown by that filter alone. */
  applyFilteredPage({ conversationList }, generation) {
    if (generation === this.generation) for (const row of conversationList) this.#state.upsert(row);
  }

  /** The line was cut: a half-received full sync is worth nothing, a half-received replay is kept. */
  interrupt() {
    this.#fresh = this.#sync = null;
  }

  /** What a page reload needs to come back with a replay instead of a full sync. */
  save() {
    const { rows, tombstones, ...rest } = this.#state;
    return JSON.stringify({ cursor: this.cursor, groups: this.groups, rows: [...rows.values()], tombstones: [...tombstones], ...rest });
  }

  restore(text) {
    const { cursor, groups, rows, tombstones, ...rest } = JSON.parse(text);
    this.#state = Object.assign(new State(), rest, {
      rows: new Map(rows.map((row) => [row.conversationID, row])),
      tombstones: new Map(tombstones),
    });
    this.cursor = cursor;
    this.groups = groups ?? [];
    this.synced = true;
  }
}
