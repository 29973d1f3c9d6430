// Which rows does a filter let through, and when are two filters the same?

import type { Conversation, Filter, MarkCondition } from "./protocol.js";

/** The single bits of a condition on marks, by rising value; each is exact in a double. */
function bitsOf(condition: MarkCondition): number[] {
  let sum = 0n;
  for (const mark of Array.isArray(condition) ? condition : [condition]) sum |= BigInt(mark);
  const bits: number[] = [];
  for (let bit = 1n; bit <= sum; bit <<= 1n) if (sum & bit) bits.push(Number(bit));
  return bits;
}

/** One text for all ways to write a filter; `""` is no condition at all. */
export function filterKey(filter: Filter | undefined): string {
  const { type, conversationGroup, markType, hasUnreadCount, hasGroupAtInfo } = filter ?? {};
  const marks = markType === undefined ? undefined : bitsOf(markType);
  const parts = [type || undefined, conversationGroup, marks, hasUnreadCount, hasGroupAtInfo];
  return parts.every((part) => part === undefined) ? "" : JSON.stringify(parts);
}

/** Whether a row passes; conditions are worked out once. */
export function predicateOf(filter: Filter | undefined): (row: Conversation) => boolean {
  const { type, conversationGroup, markType, hasUnreadCount, hasGroupAtInfo } = filter ?? {};
  const marks = markType === undefined ? undefined : bitsOf(markType);
  return (row) =>
    (!type || row.type === type) &&
    (conversationGroup === undefined ||
      (conversationGroup === "" ? !row.conversationGroupList.length : row.conversationGroupList.includes(conversationGroup))) &&
    (!marks || (marks.length ? marks.some((bit) => row.markList.includes(bit)) : !row.markList.length)) &&
    (hasUnreadCount === undefined || hasUnreadCount === row.unreadCount > 0) &&
    (hasGroupAtInfo === undefined || hasGroupAtInfo === row.groupAtInfoList.length > 0);
}
