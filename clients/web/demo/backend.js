// What does the messenger's backend, played by this page, tell the gateway?

import { CallError } from "conversation-client";
import { apiKey } from "./access.js";
import { post } from "./http.js";

export const AT_ALL = "__kImSDK_MesssageAtALL__";
export const REVOKED = 6;
export const C2C = 1;
export const GROUP = 2;
const SEQUENCE_EPOCH_MS = Date.UTC(2026, 0, 1);
const BATCH_MAX = 1_000; // The gateway's limit of entries in one call.

let lastSequence = 0;
const listeners = new Set();
const names = new Map(); // userID or groupID → showName, where it is more than the id in capitals.
const members = new Map(); // groupID → Set of userID

/** Hears of every message sent: (userIDs whose rows it changes). */
export function onSent(listener) {
  listeners.add(listener);
}

export function nameOf(id) {
  return names.get(id) ?? id.charAt(0).toUpperCase() + id.slice(1);
}

export function setName(id, name) {
  names.set(id, name);
}

export function addMember(groupID, user) {
  if (!members.has(groupID)) members.set(groupID, new Set());
  members.get(groupID).add(user);
}

/** Milliseconds, so that a page that knows nothing of a conversation is ahead of whatever was sent in it before. */
export function nextSequence() {
  lastSequence = Math.max(lastSequence + 1, Date.now() - SEQUENCE_EPOCH_MS);
  return lastSequence;
}

/** Keeps ahead of another sender whose clock is ahead of ours. */
export function observeSequence(sequence) {
  lastSequence = Math.max(lastSequence, sequence);
}

/** A conversation as somebody sees it: {type, id}, where id is the peer's or the group's. */
export function conversationOf(row) {
  return { type: row.type, id: row.type === GROUP ? row.groupID : row.userID };
}

/** Who sees what `user` does in a conversation, and as which of theirs: [{userID, conversationID}]. */
export function audienceOf(user, { type, id }) {
  if (type !== GROUP) return [{ userID: id, conversationID: `c2c_${user}` }];
  return [...(members.get(id) ?? [])].filter((member) => member !== user).map((userID) => ({ userID, conversationID: `group_${id}` }));
}

export function call(method, params) {
  return post(`/server/v1/${method}`, params, apiKey());
}

/** Entries are [method, params]. Throws the first refusal, after all were tried. */
export async function batch(entries) {
  for (let start = 0; start < entries.length; start += BATCH_MAX) {
    const body = entries.slice(start, start + BATCH_MAX).map(([method, params]) => ({ method, params }));
    const { resultList } = await call("batch", body);
    const refusal = resultList.find(({ error }) => error)?.error;
    if (refusal) throw new CallError(refusal);
    for (const { method, params } of body) noteSent(method, params);
  }
}

/** The parameters of sendMessage; `message` may say more than text. */
export function messageFrom(sender, conversation, text, message = {}) {
  return {
    ...envelope(sender, conversation),
    message: {
      msgID: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, // randomUUID is missing on a plain-http host.
      seq: nextSequence(),
      timestamp: Math.floor(Date.now() / 1000),
      elemType: 1,
      text,
      nickName: nameOf(sender),
      ...message,
    },
  };
}

export async function send(params) {
  const answer = await call("sendMessage", params);
  noteSent("sendMessage", params);
  const failure = answer.failed?.[0];
  if (failure) throw new CallError({ ...failure, message: `${failure.userID}: ${failure.message}` });
  return answer;
}

export function recall(user, row) {
  const { msgID, seq } = row.lastMessage;
  return call("revokeMessage", { ...envelope(user, conversationOf(row)), msgID, seq, revoker: user, revokeReason: "" });
}

/** C2C: the peer receives, and each is shown to the other by name. Group: all its members, the sender with them. */
function envelope(sender, { type, id }) {
  if (type === GROUP) {
    addMember(id, sender);
    return {
      conversation: { type, groupID: id, groupType: "Work", showName: nameOf(id), faceUrl: "" },
      sender,
      recipients: [...members.get(id)],
    };
  }
  const profile = (user) => ({ showName: nameOf(user), faceUrl: "" });
  return { conversation: { type }, sender, recipients: [id], profiles: { [sender]: profile(sender), [id]: profile(id) } };
}

function noteSent(method, { sender, recipients }) {
  if (method !== "sendMessage") return;
  for (const listener of listeners) listener(new Set([sender, ...recipients]));
}
