/**
 * What a fiber came to, told without an observer.
 */
import { Effect, type Exit } from "effect"

/**
 * Runs the effect, tells its exit, and keeps nothing of it. A fiber's observers stand in an array that V8, once many of
 * them have lived long, makes in the old generation: what they could reach, and the fiber's answer, lived on with it.
 */
export const settled = <A, E>(
  effect: Effect.Effect<A, E>,
  settle: (exit: Exit.Exit<A, E>) => void
): Effect.Effect<void, E> => Effect.asVoid(Effect.onExit(effect, (exit) => Effect.sync(() => settle(exit))))
