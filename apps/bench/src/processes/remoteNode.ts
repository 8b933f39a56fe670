/**
 * The process of `Remote`: arguments are the peer's name, Redis' port, and how wrong the clock is (ms).
 */
import "./skew.ts"
import { Effect, Queue, Schema } from "effect"
import { tagOf } from "../correctness/Peer.ts"
import { peers } from "../correctness/peers/all.ts"
import { Order } from "../correctness/Remote.ts"
import * as Source from "../correctness/Source.ts"

const [, , name = "", port = ""] = process.argv
const decode = Schema.decodeUnknownEffect(Order)
const say = (message: { readonly ready: true } | { readonly id: number; readonly answer: string }) =>
  Effect.sync(() => process.send?.(message))

const program = Effect.gen(function* () {
  const peer = peers.find((one) => one.name === name)
  if (peer === undefined) return yield* Effect.die(new Error(`There is no peer ${name}`))
  const source = Source.make()
  const node = yield* peer.node(Number(port), source)
  const orders = yield* Queue.unbounded<unknown>()
  process.on("message", (message) => {
    Queue.offerUnsafe(orders, message)
  })
  yield* say({ ready: true })
  while (true) {
    const { id, key, value, what } = yield* Effect.flatMap(Queue.take(orders), decode)
    source.set(key, value)
    const invalidate = node.invalidateTag === undefined ? node.invalidate(key) : node.invalidateTag(tagOf(key))
    const answer = what === "read" ? yield* node.read(key) : yield* Effect.as(invalidate, "done")
    yield* say({ id, answer })
  }
})

await Effect.runPromise(Effect.scoped(program))
