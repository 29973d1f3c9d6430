// Who is writing to whom at this moment? It passes, so it goes from page to page by itself and not over the gateway's list.

const LASTS_MS = 4_000;

const channel = new BroadcastChannel("demo-typing");
const typing = new Map(); // key → Map of name → its timer
const listeners = new Set();

channel.onmessage = ({ data }) => note(data);

/** Hears whenever somebody begins or ends. */
export function onTyping(listener) {
  listeners.add(listener);
}

/** `name` writes in a conversation as `userID` sees it. */
export function tellTyping(said) {
  note(said);
  channel.postMessage(said);
}

/** Who writes in this conversation of the user, in words; "" where nobody does. */
export function typingIn(userID, conversationID) {
  const names = [...(typing.get(keyOf({ userID, conversationID }))?.keys() ?? [])];
  if (names.length === 0) return "";
  if (names.length > 2) return `${names.length} people are typing…`;
  return `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} typing…`;
}

function note(said) {
  const key = keyOf(said);
  const names = typing.get(key) ?? new Map();
  typing.set(key, names);
  clearTimeout(names.get(said.name));
  names.set(said.name, setTimeout(() => {
    names.delete(said.name);
    tell();
  }, LASTS_MS));
  tell();
}

function tell() {
  for (const listener of listeners) listener();
}

function keyOf({ userID, conversationID }) {
  return `${userID} ${conversationID}`;
}
