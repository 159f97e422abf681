import { liveFrame } from "./live_frame.js";
import { runFrame } from "./progress/frame.js";

/** A run, from its beginning to its samples. */
export default liveFrame(runFrame);
