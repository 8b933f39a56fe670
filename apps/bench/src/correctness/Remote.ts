/**
 * A node in a process of its own, whose clock may be wrong.
 */
import { Deferred, Effect, Schema, type Scope } from "effect"
import { fork } from "node:child_process"
import { join } from "node:path"
import type { Peer } from "./Peer.ts"

/** The process did not do as told. */
export class RemoteFailed extends Schema.TaggedError<RemoteFailed>()("RemoteFailed", { message: Schema.String }) {}

/** What the process is told; `value` is what its source has for the key. */
export const Order = Schema.Struct({
  id: Schema.Int,
  what: Schema.Literals(["read", "invalidate"]),
  key: Schema.String,
  value: Schema.String
})
export type Order = typeof Order.Type

const Answer = Schema.Struct({ id: Schema.Int, answer: Schema.String })
const Ready = Schema.Struct({ ready: Schema.Boolean })
const isAnswer = Schema.is(Answer)
const isReady = Schema.is(Ready)

/** The node: reads with what its source has, invalidates by tag where there are tags. */
export interface Remote {
  readonly read: (key: string, sourceHas: string) => Effect.Effect<string, RemoteFailed>
  readonly invalidate: (key: string) => Effect.Effect<void, RemoteFailed>
}

/** Starts it with a clock that is `skew` milliseconds ahead, for the life of the scope. */
export const spawn = Effect.fnUntraced(function* (
  peer: Peer,
  port: number,
  skew: number
): Effect.fn.Return<Remote, RemoteFailed, Scope.Scope> {
  const ready = yield* Deferred.make<void>()
  const waiting = new Map<number, Deferred.Deferred<string>>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(join(import.meta.dirname, "../processes/remoteNode.ts"), [peer.name, `${port}`, `${skew}`], {
        execArgv: ["--conditions=@letletme/source"],
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (process) => Effect.sync(() => process.kill("SIGKILL"))
  )
  child.on("message", (message: unknown) => {
    if (isReady(message)) Deferred.doneUnsafe(ready, Effect.void)
    else if (isAnswer(message)) {
      const answer = waiting.get(message.id)
      if (answer !== undefined) Deferred.doneUnsafe(answer, Effect.succeed(message.answer))
    }
  })
  const inTime = <A>(what: string, effect: Effect.Effect<A>) =>
    Effect.timeoutOrElse(effect, {
      duration: "20 seconds",
      orElse: () => Effect.fail(new RemoteFailed({ message: `The other process of ${peer.name}: ${what} took 20 s.` }))
    })
  yield* inTime("to start", Deferred.await(ready))
  let next = 0
  const order = (what: Order["what"], key: string, value: string) =>
    Effect.suspend(() => {
      const id = ++next
      const answer = Deferred.makeUnsafe<string>()
      waiting.set(id, answer)
      child.send({ id, what, key, value } satisfies Order)
      return inTime(what, Deferred.await(answer))
    })
  return {
    read: (key, sourceHas) => order("read", key, sourceHas),
    invalidate: (key) => Effect.asVoid(order("invalidate", key, "new"))
  }
})
