// In which order do rows stand, and how does a list take changes without being sorted anew?

import type { Conversation } from "./protocol.js";

/** The order of the list: by orderKey, equal keys by conversationID, both falling. */
export function compare(a: Conversation, b: Conversation): number {
  return b.orderKey - a.orderKey || (a.conversationID < b.conversationID ? 1 : a.conversationID > b.conversationID ? -1 : 0);
}

/** `sorted` without the rows of `changed` ids and with `added`, a new array; rows keep their identity. */
export function merge(
  sorted: readonly Conversation[],
  changed: ReadonlySet<string>,
  added: readonly Conversation[],
): readonly Conversation[] {
  const incoming = [...added].sort(compare);
  const merged: Conversation[] = [];
  let next = 0;
  for (const row of sorted) {
    if (changed.has(row.conversationID)) continue;
    for (let first = incoming[next]; first && compare(first, row) < 0; first = incoming[next]) {
      merged.push(first);
      next += 1;
    }
    merged.push(row);
  }
  return merged.concat(incoming.slice(next));
}
