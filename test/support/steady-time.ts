const TICK_MS = 20;
/** The most that one tick counts: it came late because nothing could go on, whoever had to. */
const LONGEST_TICK_MS = 200;

/**
 * Begins to measure, and gives the milliseconds when asked, once. Time in which everything stood still counts as one
 * tick: a bound on a wait then holds on a machine that freezes, and fails where something waits.
 */
export function steadyTime(): () => number {
  let passed = 0;
  let last = performance.now();
  const count = () => {
    const now = performance.now();
    passed += Math.min(now - last, LONGEST_TICK_MS);
    last = now;
  };
  const timer = setInterval(count, TICK_MS).unref();
  return () => {
    clearInterval(timer);
    count();
    return passed;
  };
}
