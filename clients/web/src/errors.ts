// How can a call fail? By an answer, for want of a connection, or because the client has stopped.

import type { Conversation, ErrorBody, ErrorCode } from "./protocol.js";

/** The gateway refused the call. */
export class CallError extends Error {
  override readonly name = "CallError";
  /** What went wrong, see "Errors" in PROTOCOL.md. */
  readonly code: ErrorCode;
  /** The row as it is, where `ifVersion` refused the call. */
  readonly conversation?: Conversation;

  constructor(body: ErrorBody) {
    super(body.message);
    this.code = body.code;
    if (body.conversation) this.conversation = body.conversation;
  }
}

/** No answer came: there is no connection, or it ended first, so that it is unknown whether a change was made. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** The client has stopped for good: kicked offline, refused, or closed. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** An error as it goes from tab to tab. */
export type ErrorMessage = Pick<CallError, "message" | "conversation"> & { name: string; code?: ErrorCode };

/** Writes an error so that it can be cloned. */
export function toMessage(error: unknown): ErrorMessage {
  const { name, message, code, conversation } = error as CallError;
  return { name, message, code, conversation } as ErrorMessage;
}

/** The error that another tab wrote. */
export function fromMessage({ name, message, code, conversation }: ErrorMessage): Error {
  if (code !== undefined) return new CallError({ code, message, conversation } as ErrorBody);
  return name === "StoppedError" ? new StoppedError(message) : new ConnectionError(message);
}
