/**
 * Questions of one tick asked as one: concurrent readers share a round trip.
 */
import { Effect, Exit, FiberSet, type Scope } from "effect"

/**
 * Makes `ask(item)`, which is answered by one call of `answerAll` for all items asked for before the fibers that are
 * ready to run have run. Answers come in the order of the items; at most `limit` items go into one call.
 */
export const make = <Item, Answer, E>(
  answerAll: (items: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Answer>, E>,
  limit: number
): Effect.Effect<(item: Item) => Effect.Effect<Answer, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const run = yield* FiberSet.makeRuntime()
    let waiting: Array<{ readonly item: Item; readonly resume: (exit: Exit.Exit<Answer, E>) => void }> = []

    const flush = Effect.suspend(() => {
      const batch = waiting
      waiting = []
      return Effect.forEach(
        chunks(batch, limit),
        (chunk) =>
          Effect.map(Effect.exit(answerAll(chunk.map(({ item }) => item))), (exit) => {
            if (Exit.isFailure(exit)) {
              for (const { resume } of chunk) resume(Exit.failCause(exit.cause))
            } else {
              for (const [index, answer] of exit.value.entries()) chunk[index]?.resume(Exit.succeed(answer))
              for (const { resume } of chunk.slice(exit.value.length)) resume(Exit.die("The batch was answered short"))
            }
          }),
        { concurrency: "unbounded", discard: true }
      )
    })

    return (item) =>
      Effect.callback((resume) => {
        waiting.push({ item, resume })
        if (waiting.length === 1) run(Effect.andThen(Effect.yieldNow, flush))
      })
  })

const chunks = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  items.length <= size
    ? [items]
    : Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
        items.slice(index * size, (index + 1) * size)
      )
