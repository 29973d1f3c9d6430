// A storage that survives a reload: IndexedDB, a record for each row, so that a change writes what changed.

import type { Conversation } from "../protocol.js";
import type { ListStorage, StoredState } from "./storage.js";

/** Keeps lists in an IndexedDB database of this name. */
export function indexedDBStorage(name = "conversations"): ListStorage {
  let opening: Promise<IDBDatabase> | undefined;

  function open(): Promise<IDBDatabase> {
    opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("rows");
        request.result.createObjectStore("states");
      };
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        // A database that another tab deletes or replaces is not held back.
        request.result.onversionchange = () => (request.result.close(), (opening = undefined));
        resolve(request.result);
      };
    });
    // What failed once may work later.
    opening.catch(() => (opening = undefined));
    return opening;
  }

  /** All rows of a list: keys are [list, conversationID]. */
  const rowsOf = (list: string) => IDBKeyRange.bound([list], [list, []]);

  async function within<Result>(
    mode: IDBTransactionMode,
    run: (rows: IDBObjectStore, states: IDBObjectStore) => () => Result,
  ): Promise<Result> {
    const transaction = (await open()).transaction(["rows", "states"], mode);
    return new Promise((resolve, reject) => {
      const result = run(transaction.objectStore("rows"), transaction.objectStore("states"));
      // What a page writes while it goes is lost without it.
      transaction.commit();
      transaction.oncomplete = () => resolve(result());
      transaction.onabort = () => reject(transaction.error);
    });
  }

  return {
    load: (list) =>
      within("readonly", (rows, states) => {
        const found = rows.getAll(rowsOf(list));
        const state = states.get(list) as IDBRequest<StoredState | undefined>;
        return () => state.result && { rows: found.result as Conversation[], state: state.result };
      }),
    save: (list, { isWhole, put, remove, state }) =>
      within("readwrite", (rows, states) => {
        if (isWhole) rows.delete(rowsOf(list));
        for (const id of remove) rows.delete([list, id]);
        for (const row of put) rows.put(row, [list, row.conversationID]);
        states.put(state, list);
        return () => undefined;
      }),
    remove: (list) =>
      within("readwrite", (rows, states) => {
        rows.delete(rowsOf(list));
        states.delete(list);
        return () => undefined;
      }),
  };
}
