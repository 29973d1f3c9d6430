// What does a conversation row say: its preview, its time, its badge, its avatar?

import { GROUP, REVOKED, nameOf } from "./backend.js";

const TONES = 10; // As many as .tone-… in style.css.
const BADGE_MAX = 99;
const DAY_MS = 86_400_000;
const MENTION_ME = new Set([1, 3]);
const MENTION_ALL = new Set([2, 3]);
const MUTED = new Set([1, 2, 3, 4]); // Every receive option but 0 keeps the row out of the total.
const ELEMENTS = { 2: "[Custom]", 3: "[Photo]", 4: "[Voice]", 5: "[Video]", 6: "[File]", 7: "[Location]", 8: "[Sticker]", 9: "[Notice]", 10: "[Chat history]" };

export function titleOf(row) {
  return row.showName || row.userID || row.groupID;
}

export function isMuted(row) {
  return MUTED.has(row.recvOpt);
}

/** Parts {kind, text} in reading order; kinds: mention, draft, recalled, sender, text, hint. */
export function previewOf(row) {
  const parts = [];
  const mentions = row.groupAtInfoList ?? [];
  if (mentions.some(({ atType }) => MENTION_ME.has(atType))) parts.push({ kind: "mention", text: "[@me] " });
  if (mentions.some(({ atType }) => MENTION_ALL.has(atType))) parts.push({ kind: "mention", text: "[@all] " });
  if (row.draftText) return [...parts, { kind: "draft", text: "[Draft] " }, { kind: "text", text: row.draftText }];
  return [...parts, ...messageOf(row)];
}

function messageOf(row) {
  const last = row.lastMessage;
  if (!last) return [{ kind: "hint", text: "No messages" }];
  const sender = last.nickName || nameOf(last.sender);
  if (last.status === REVOKED) {
    const revoker = last.revoker && last.revoker !== last.sender ? nameOf(last.revoker) : sender;
    const who = last.isSelf && (!last.revoker || last.revoker === last.sender) ? "You" : revoker;
    return [{ kind: "recalled", text: `${who} recalled a message` }];
  }
  const text = { kind: "text", text: last.text || ELEMENTS[last.elemType] || "[Message]" };
  if (last.isSelf) return [{ kind: "sender", text: "You: " }, text];
  return row.type === GROUP ? [{ kind: "sender", text: `${sender}: ` }, text] : [text];
}

export function badgeOf(row) {
  if (!row.unreadCount) return "";
  return row.unreadCount > BADGE_MAX ? `${BADGE_MAX}+` : String(row.unreadCount);
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const dayAndMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const fullDate = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "2-digit", year: "2-digit" });

/** Shorter the nearer it is. The later of the last message and the draft, in seconds; "" where there is neither. */
export function timeOf(row, now = new Date()) {
  const seconds = Math.max(row.lastMessage?.timestamp ?? 0, row.draftText ? row.draftTimestamp ?? 0 : 0);
  if (!seconds) return "";
  const date = new Date(seconds * 1000);
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (date >= midnight) return clock.format(date);
  if (date >= midnight - DAY_MS) return "Yesterday";
  if (date >= midnight - 6 * DAY_MS) return weekday.format(date);
  return date.getFullYear() === now.getFullYear() ? dayAndMonth.format(date) : fullDate.format(date);
}

/** {initial, tone}: the same id has the same colour on every screen. */
export function avatarOf(id, name) {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return { initial: ([...name.trim()][0] ?? "?").toUpperCase(), tone: hash % TONES };
}
