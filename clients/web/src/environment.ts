// What does the client need from outside besides connections? Time, chance, and signs that the page sleeps or wakes.

/** Everything that is not the same on each run; tests bring their own. */
export interface Environment {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs once after so many milliseconds; the answer takes it back. */
  after(ms: number, run: () => void): () => void;
  /** From 0 to below 1. */
  random(): number;
  /** Runs whenever the connection may have died unnoticed: page visible again, network changed. The answer ends it. */
  onWake(run: () => void): () => void;
  /** Runs when the page may be about to go. The answer ends it. */
  onHide(run: () => void): () => void;
}

function on(target: EventTarget | undefined, names: string[], run: () => void): () => void {
  for (const name of names) target?.addEventListener(name, run);
  return () => names.forEach((name) => target?.removeEventListener(name, run));
}

/** The environment of a page, or of a process without one. */
export function pageEnvironment(): Environment {
  const page: Window | undefined = globalThis.window;
  const document: Document | undefined = globalThis.document;
  return {
    now: () => Date.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    onWake(run) {
      const offWindow = on(page, ["online", "offline", "pageshow"], run);
      const offDocument = on(document, ["visibilitychange"], () => document.visibilityState === "visible" && run());
      return () => (offWindow(), offDocument());
    },
    onHide(run) {
      const offWindow = on(page, ["pagehide"], run);
      const offDocument = on(document, ["visibilitychange"], () => document.visibilityState === "hidden" && run());
      return () => (offWindow(), offDocument());
    },
  };
}
