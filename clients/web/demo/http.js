// How is a method of a backend called over HTTP?

import { CallError } from "conversation-client";

const CALL_TIMEOUT_MS = 15_000;

/** Answers the result; throws a CallError where the gateway refuses. */
export async function post(path, body, apiKey) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${apiKey}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  }).catch(() => { throw new Error(`The gateway does not answer (${path}).`); });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new CallError(answer.error ?? { code: response.status, message: `${path} answered ${response.status}.` });
  return answer;
}
