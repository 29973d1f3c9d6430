// How does the SDK say that a call failed? By an error with a code; the gateway's own codes are the same in both.

import { ConnectionError, StoppedError } from "../errors.js";

/** Codes of the SDK for what the gateway does not say. */
export const CODES = {
  /** `login` comes first. */
  NOT_LOGGED_IN: 2024,
  /** Somebody else is signed in. */
  REPEAT_LOGIN: 2025,
  /** No answer came. */
  NETWORK_ERROR: 2800,
  /** There is no such thing here. */
  NOT_OFFERED: 2905,
  /** The gateway refuses this user's token, or this page. */
  LOGIN_FAILED: 3001,
  /** Signed out before the answer came. */
  LOGGED_OUT: 3005,
} as const;

/** A call that failed; what the gateway refused is a CallError with the gateway's code. */
export class SDKError extends Error {
  override readonly name: string = "SDKError";

  constructor(readonly code: number, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A part of the SDK that the gateway cannot offer; docs/sdk.md says what to do instead. */
export class NotOfferedError extends SDKError {
  override readonly name = "NotOfferedError";

  constructor(what: string) {
    super(CODES.NOT_OFFERED, `${what} is not offered by this adapter, see docs/sdk.md`);
  }
}

/** The error as the SDK would have it. */
export function toSDKError(error: unknown): unknown {
  const code = error instanceof ConnectionError ? CODES.NETWORK_ERROR : error instanceof StoppedError ? CODES.LOGGED_OUT : null;
  return code === null ? error : new SDKError(code, (error as Error).message, { cause: error });
}
