/**
 * Questions of one tick asked as one: concurrent readers share a round trip.
 */
import { Effect, Exit, FiberSet, type Scope } from "effect"
import { settled } from "./settled.ts"

/** Is told the answer of a question, once. */
export type Answered<Answer, E> = (exit: Exit.Exit<Answer, E>) => void

/**
 * Makes `ask(item, answered)`: all items asked for before the fibers that are ready to run have run go into one call of
 * `answerAll`, in their order, or into several of at most `limit` items. What those ask for who are just being answered is
 * sent when all of them are, without waiting for a tick, if no other answers are on their way.
 */
export const make = <Item, Answer, E>(
  answerAll: (items: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Answer>, E>,
  limit: number
): Effect.Effect<(item: Item, answered: Answered<Answer, E>) => void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const run = yield* FiberSet.makeRuntime()
    let items: Array<Item> = []
    let askers: Array<Answered<Answer, E>> = []
    // Whether somebody will send what waits.
    let isDue = false
    // Calls whose answers are on their way.
    let underWay = 0

    const answer = (waiting: ReadonlyArray<Answered<Answer, E>>, exit: Exit.Exit<ReadonlyArray<Answer>, E>) => {
      if (Exit.isFailure(exit)) {
        const failed = Exit.failCause(exit.cause)
        for (const answered of waiting) answered(failed)
        return
      }
      let index = 0
      for (const value of exit.value) waiting[index++]?.(Exit.succeed(value))
      for (const answered of waiting.slice(index)) answered(Exit.die("The batch was answered short"))
    }

    const send = (some: ReadonlyArray<Item>, waiting: ReadonlyArray<Answered<Answer, E>>) => {
      let isSent = false
      underWay++
      const settle = (exit: Exit.Exit<ReadonlyArray<Answer>, E>) => {
        underWay--
        const wasDue = isDue
        isDue = true
        answer(waiting, exit)
        if (wasDue) return
        isDue = false
        if (items.length === 0) return
        // While other answers are on their way, those who wait for them may ask in the same tick. And a store that
        // answers at once would be asked for ever, with no other fiber running.
        if (underWay === 0 && isSent) flush()
        else schedule()
      }
      run(settled(answerAll(some), settle))
      isSent = true
    }

    const flush = () => {
      const [asked, waiting] = [items, askers]
      items = []
      askers = []
      isDue = false
      for (let from = 0; from < asked.length; from += limit) {
        send(asked.slice(from, from + limit), waiting.slice(from, from + limit))
      }
    }

    const schedule = () => {
      isDue = true
      run(Effect.andThen(Effect.yieldNow, Effect.sync(flush)))
    }

    return (item, answered) => {
      items.push(item)
      askers.push(answered)
      if (!isDue) schedule()
    }
  })
