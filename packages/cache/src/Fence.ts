/**
 * The fence under which a fiber writes: the position at which its process became the leader.
 *
 * What is written under a fence is refused once that leadership has ended, in the same atomic step as the write: a
 * leader that was paused cannot know that its lease ran out, and the log can.
 *
 * @see https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html - fencing tokens
 */
import { Context } from "effect"
import type { Position } from "./Position.ts"

/** The fence in force; `undefined` where nobody has to lead to write. `Leadership.whileLeading` provides it. */
export const Fence = Context.Reference<Position | undefined>("@letletme/cache/Fence", { defaultValue: () => undefined })
