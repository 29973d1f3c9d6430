// When is what written to the storage? Rows and cursor together, at once but not too often, one write at a time.

import type { Environment } from "../environment.js";
import type { Model } from "../model.js";
import type { Cursor } from "../protocol.js";
import type { Entry } from "../outbox.js";
import type { Change } from "../rows.js";
import type { ListStorage } from "./storage.js";

/** After a write, how long changes are collected for the next one; a browser may drop what it is given as the page goes. */
const COLLECT_MS = 500;

/** What is saved, and where. */
export interface SaverOptions {
  storage: ListStorage;
  /** The name of the list in the storage. */
  list: string;
  model: Model;
  environment: Environment;
  /** The calls that wait. */
  outbox(): readonly Entry[];
}

/** Saves the rows of a model. */
export class Saver {
  #ids = new Set<string>();
  #isWhole = false;
  #isDue = false;
  #savedCursor: Cursor | null = null;
  #writing: Promise<void> = Promise.resolve();
  #cancel: (() => void) | null = null;
  #restsUntil = 0;

  constructor(readonly options: SaverOptions) {}

  /** Takes note of a change of the model. */
  changed({ ids, isPaged, isReplaced }: Change): void {
    for (const id of ids) this.#ids.add(id);
    this.#isWhole ||= isReplaced;
    if (ids.size || isPaged || isReplaced || this.options.model.rows.cursor !== this.#savedCursor) this.touch();
  }

  /** There is something to write soon. */
  touch(): void {
    this.#isDue = true;
    const { environment } = this.options;
    this.#cancel ??= environment.after(Math.max(0, this.#restsUntil - environment.now()), () => void this.flush());
  }

  /** Writes what is there to write. A failure costs what is kept, not what is shown: the next write is a whole one. */
  flush(): Promise<void> {
    this.cancel();
    this.#restsUntil = this.options.environment.now() + COLLECT_MS;
    this.#writing = this.#writing.then(() => this.#write()).catch(() => void (this.#isWhole = true));
    return this.#writing;
  }

  /** Writes nothing until the next change. */
  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #write(): Promise<void> | void {
    const { storage, list, model, outbox } = this.options;
    const { rows, cursor, edge, total, groups } = model.rows;
    // A list without a cursor is worth nothing: it could not be resumed.
    if (!this.#isDue || cursor === null) return;
    const [ids, isWhole] = [this.#ids, this.#isWhole];
    [this.#ids, this.#isWhole, this.#isDue, this.#savedCursor] = [new Set(), false, false, cursor];
    return storage.save(list, {
      isWhole,
      put: isWhole ? [...rows.values()] : [...ids].flatMap((id) => rows.get(id) ?? []),
      remove: isWhole ? [] : [...ids].filter((id) => !rows.has(id)),
      state: { cursor, edge, total, groups, outbox: outbox() },
    });
  }
}
