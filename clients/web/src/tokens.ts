// Whose token is it, and when is a new one due?

/** How long before its end a token is replaced. */
const LEAD_MS = 60_000;
/** However wrong the clock, no more often than this. */
const INTERVAL_MIN_MS = 10_000;
/** The longest time that a timer of a browser can wait. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** What a client reads of a token: the user, and when it ends, in seconds. To check it is the gateway's part. */
export interface Claims {
  sub?: unknown;
  exp?: unknown;
}

/** Reads a JWT; one that cannot be read says nothing. */
export function claimsOf(token: string): Claims {
  try {
    const payload = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return (JSON.parse(new TextDecoder().decode(bytes)) as Claims | null) ?? {};
  } catch {
    return {};
  }
}

/** How many milliseconds from now a new token is due: a minute before the end, or at half of a short life. */
export function renewalIn(token: string, now: number): number | null {
  const { exp } = claimsOf(token);
  if (typeof exp !== "number") return null;
  const leftMs = exp * 1000 - now;
  return Math.min(Math.max(leftMs - LEAD_MS, leftMs / 2, INTERVAL_MIN_MS), TIMER_MAX_MS);
}
