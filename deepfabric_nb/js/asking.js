// Ask the kernel for something until it answers: what is asked while a page is loaded may be lost.

const FIRST = 1000; // ms
const LONGEST = 32000;
const TIMES = 10;

/** Ask now, and again after growing pauses. `start` begins anew, `answered` and `dispose` end it. */
export function askingUntilAnswered(ask) {
  let timer = 0;

  function answered() {
    clearTimeout(timer);
    timer = 0;
  }

  function again(pause, left) {
    timer = 0;
    try {
      ask();
    } catch {
      return; // The connection is gone; the current content stays.
    }
    if (left > 1) timer = setTimeout(() => again(Math.min(2 * pause, LONGEST), left - 1), pause);
  }

  return {
    /** Ask, unless an answer is awaited already. */
    start() {
      if (!timer) again(FIRST, TIMES);
    },
    answered,
    dispose: answered,
  };
}
