// A storage that lives as long as the page.

import type { Conversation } from "../protocol.js";
import type { ListStorage, StoredState } from "./storage.js";

/** Keeps lists in memory: the cursor survives a new client, not a reload. */
export function memoryStorage(): ListStorage {
  const lists = new Map<string, { rows: Map<string, Conversation>; state: StoredState }>();
  return {
    async load(list) {
      const found = lists.get(list);
      return found && { rows: [...found.rows.values()], state: found.state };
    },
    async save(list, { isWhole, put, remove, state }) {
      const rows = (!isWhole && lists.get(list)?.rows) || new Map<string, Conversation>();
      for (const id of remove) rows.delete(id);
      for (const row of put) rows.set(row.conversationID, row);
      lists.set(list, { rows, state });
    },
    async remove(list) {
      lists.delete(list);
    },
  };
}
