// What does a client do once a connection has ended: stop, come back now, or come back later?

/** The first delay's upper bound. */
const DELAY_FIRST_MS = 250;
/** Every delay's upper bound. */
const DELAY_MAX_MS = 10_000;

/** How a connection ended, or why there was none. */
export type Ended =
  | { kind: "code"; code: number }
  | { kind: "status"; status: number; retryAfterMs?: number | undefined }
  /** Refused, cut, or silent for too long. */
  | { kind: "broken" };

/** What the server said before the end. */
export type Farewell = { kind: "kickedOffline" } | { kind: "tokenExpired" } | { kind: "reconnect"; afterMs: number };

/** What is known about the attempt that ended. */
export interface Attempt {
  /** Failures since the last session that lasted. */
  failed: number;
  /** Whether its token was got for this attempt; an older one may just have ended. */
  isTokenFresh: boolean;
  /** Drawn from 0…1. */
  random: number;
}

/** What to do next. `isAsked`: the server named the time, so that nothing shortens it. */
export type Next =
  | { kind: "stop"; reason: string }
  | { kind: "again"; afterMs: number; isAsked: boolean; withNewToken: boolean };

/** Decides by what the server said, then by the range of the code. */
export function next(ended: Ended, farewell: Farewell | null, attempt: Attempt): Next {
  const jitterMs = fullJitter(attempt);
  const stop = (reason: string): Next => ({ kind: "stop", reason });
  const again = (afterMs: number, isAsked = false, withNewToken = false): Next => ({ kind: "again", afterMs, isAsked, withNewToken });
  switch (farewell?.kind) {
    case "kickedOffline": return stop("kicked offline");
    case "tokenExpired": return again(jitterMs, false, true);
    case "reconnect": return again(farewell.afterMs, true);
  }
  if (ended.kind === "broken") return again(jitterMs);
  if (ended.kind === "code") {
    const { code } = ended;
    if (code === 4202 || (code === 4001 && !attempt.isTokenFresh)) return again(jitterMs, false, true);
    if (code === 1009 || (code >= 4000 && code < 4100)) return stop(`closed with ${code}`);
    if (code >= 4200 && code < 4300 && !attempt.failed) return again(0);
    return again(jitterMs, code >= 4100 && code < 4200);
  }
  const { status, retryAfterMs } = ended;
  if (status === 401 && !attempt.isTokenFresh) return again(jitterMs, false, true);
  if ([204, 400, 401, 403, 404].includes(status)) return stop(status === 204 ? "kicked offline" : `answered with ${status}`);
  // Not all in the same moment.
  return again((retryAfterMs ?? 0) + jitterMs, retryAfterMs !== undefined);
}

/** A delay between 0 and a bound that doubles with each failure. */
export function fullJitter({ failed, random }: Pick<Attempt, "failed" | "random">): number {
  return Math.floor(Math.min(DELAY_FIRST_MS * 2 ** failed, DELAY_MAX_MS) * random);
}
