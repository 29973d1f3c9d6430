// How do frames come in over a WebSocket, and how over server-sent events?

const EVENTS = [
  "syncServerStart", "syncServerFinish", "syncServerFailed", "newConversation", "conversationChanged", "conversationDeleted",
  "totalUnreadMessageCountChanged", "unreadMessageCountChangedByFilter", "conversationGroupCreated", "conversationGroupDeleted",
  "conversationGroupNameChanged", "conversationsAddedToGroup", "conversationsDeletedFromGroup", "kickedOffline", "tokenExpired",
  "reconnect",
];
// An EventSource sees no close code; the last event before the end says what a WebSocket's code would have said.
const CLOSE_CODES = { kickedOffline: 4003, tokenExpired: 4202, reconnect: 4200 };

/** `handlers`: opened(), message(object, bytes), closed(code, reason). Nothing is called after close(). */
export function openWebSocket(query, handlers) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/v1/ws?${query}`);
  socket.onopen = () => handlers.opened();
  socket.onmessage = ({ data }) => handlers.message(JSON.parse(data), data.length);
  socket.onclose = ({ code, reason }) => handlers.closed(code, reason);
  return {
    send: (text) => socket.send(text),
    close: () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    },
  };
}

export function openEventSource(query, handlers) {
  const source = new EventSource(`/v1/events?${query}`);
  let cursor = "";
  let closeCode = 1006;
  source.onopen = () => handlers.opened();
  for (const event of EVENTS) {
    source.addEventListener(event, ({ data, lastEventId }) => {
      // lastEventId sticks to later events without an id of their own; only a new one is this frame's.
      const isNew = lastEventId !== "" && lastEventId !== cursor;
      cursor = lastEventId;
      closeCode = CLOSE_CODES[event] ?? closeCode;
      handlers.message({ event, ...(isNew && { cursor }), data: JSON.parse(data) }, data.length);
    });
  }
  source.onerror = () => {
    // The browser's own retry would repeat the old token and the old `since`: the connection reopens it instead.
    source.close();
    handlers.closed(closeCode, "");
  };
  return { close: () => source.close() };
}
