// The connection to the kernel: what is asked, whether it answers, and whether it is still there.

const PATIENCE = 4000; // ms without an answer until the page says that the kernel is busy

/**
 * Talk to the kernel. `heard` gets each message, `changed` is called when `state` changes: "" as long as all is well,
 * "busy" while an answer is awaited for long, "dead" when the kernel has restarted or died.
 */
export function kernelOf(model, { heard, changed }) {
  let state = "";
  let timer = 0;

  function become(next) {
    if (state === next) return;
    state = next;
    changed(state);
  }

  function message(told) {
    clearTimeout(timer);
    timer = 0;
    become("");
    heard(told);
  }

  function lost() {
    clearTimeout(timer);
    timer = 0;
    become("dead");
  }

  model.on("msg:custom", message);
  model.on("comm_live_update", lost);
  return {
    get state() {
      return state;
    },
    /** Send a message. One that is answered is waited for; `select` isn't. */
    send(asked, { isAnswered = true } = {}) {
      if (state === "dead") return;
      try {
        model.send(asked);
      } catch {
        lost();
        return;
      }
      if (isAnswered) timer ||= setTimeout(() => become("busy"), PATIENCE);
    },
    dispose() {
      clearTimeout(timer);
      model.off("msg:custom", message);
      model.off("comm_live_update", lost);
    },
  };
}
