// The package: a client, its storages, its errors, and the protocol's types.

export { type ClientMethods, type ClientOptions, type ConversationClient, createClient } from "./client.js";
export { CallError, ConnectionError, StoppedError } from "./errors.js";
export type { ConversationListener } from "./events.js";
export type { ListSnapshot, LiveList } from "./list.js";
export type { Status } from "./session.js";
export { indexedDBStorage } from "./storage/indexeddb.js";
export { memoryStorage } from "./storage/memory.js";
export type { ListStorage, StoredChange, StoredList, StoredState } from "./storage/storage.js";
export type * from "./protocol.js";
