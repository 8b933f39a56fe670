/**
 * The attacks. Each is run with the attack and, as a control, the same way without it; an answer counts as stale if a
 * node gives it after everything has settled.
 */
import type { Redis } from "@letletme/redis"
import { Deferred, Effect, Fiber, type Scope } from "effect"
import * as Admin from "./Admin.ts"
import { type Node, type Peer, type PeerFailed, tagOf } from "./Peer.ts"
import * as Remote from "./Remote.ts"
import * as Source from "./Source.ts"

/** What an attack works with. */
export interface Arena {
  readonly peer: Peer
  readonly port: number
  /** False in the control. */
  readonly isAttacked: boolean
}

/** How often it went wrong, of how many times. */
export interface Outcome {
  readonly count: number
  readonly of: number
}

type Run = Effect.Effect<Outcome, PeerFailed | Remote.RemoteFailed | Admin.AdminFailed, Scope.Scope | Redis>

export interface Attack {
  readonly name: string
  /** What a correct cache shows. */
  readonly right: number
  /** None where the cache lacks what is attacked. */
  readonly run: (arena: Arena) => Run | undefined
}

// Messages between nodes on one machine take a few milliseconds; connections come back within a few hundred.
const settling = "500 millis"

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`)

const together = <A, E, R>(keys: ReadonlyArray<string>, run: (key: string) => Effect.Effect<A, E, R>) =>
  Effect.forEach(keys, run, { concurrency: "unbounded" })

/**
 * How many keys some node still answers with the old value. What is stale only until the next read, as a value served
 * while it is loaded anew in the background, does not count.
 */
const countStale = Effect.fnUntraced(function* <E>(
  nodes: ReadonlyArray<{ readonly read: (key: string) => Effect.Effect<string, E> }>,
  keys: ReadonlyArray<string>
) {
  for (const key of keys) yield* Effect.forEach(nodes, (node) => node.read(key))
  yield* Effect.sleep(settling)
  let count = 0
  for (const key of keys) {
    const answers = yield* Effect.forEach(nodes, (node) => node.read(key))
    if (answers.includes("old")) count++
  }
  return { count, of: keys.length }
})

/** Invalidates as the attack says: the key itself, or the tag that its entry has. */
const invalidate = (node: Node, key: string, by: "key" | "tag") =>
  by === "tag" && node.invalidateTag !== undefined ? node.invalidateTag(tagOf(key)) : node.invalidate(key)

/**
 * A loader has read the source; then the source changes and the key is invalidated; then the loader answers. The
 * control changes and invalidates once the loader has answered.
 */
const duringLoad = (name: string, by: "key" | "tag", whose: "own" | "other"): Attack => ({
  name,
  right: 0,
  run: ({ isAttacked, peer, port }) =>
    by === "tag" && !peer.hasTags
      ? undefined
      : Effect.gen(function* () {
          const source = Source.make()
          const [one, two] = [yield* peer.node(port, source), yield* peer.node(port, source)]
          const keys = keysOf(50)
          const load = Effect.fnUntraced(function* (key: string, meanwhile: Effect.Effect<void, PeerFailed>) {
            source.set(key, "old")
            const { reached, release } = source.hold(key)
            const loading = yield* Effect.forkChild(one.read(key))
            yield* Deferred.await(reached)
            yield* meanwhile
            yield* release
            yield* Fiber.join(loading)
          })
          const change = (key: string) =>
            Effect.suspend(() => {
              source.set(key, "new")
              return invalidate(whose === "own" ? one : two, key, by)
            })
          yield* together(keys, (key) => load(key, isAttacked ? change(key) : Effect.void))
          if (!isAttacked) {
            // An entry and an invalidation of one millisecond are told apart by nobody's clock.
            yield* Effect.sleep("5 millis")
            yield* together(keys, change)
          }
          yield* Effect.sleep(settling)
          return yield* countStale([one, two], keys)
        })
})

/** How often a cold key is loaded when all want it at once. The control has one node. */
const stampede: Attack = {
  name: "loads of a cold key by 20 nodes with 10 callers each",
  right: 1,
  run: ({ isAttacked, peer, port }) =>
    Effect.gen(function* () {
      const source = Source.make(50)
      const count = isAttacked ? 20 : 1
      const nodes = yield* Effect.forEach(Array.from({ length: count }), () => peer.node(port, source))
      // Connections are made on first use by some.
      yield* Effect.forEach(nodes, (node) => node.read("warm"))
      const before = source.loads()
      yield* Effect.forEach(
        nodes.flatMap((node) => Array.from({ length: 10 }, () => node.read("cold"))),
        (read) => read,
        { concurrency: "unbounded" }
      )
      return { count: source.loads() - before, of: count * 10 }
    })
}

/** The connections that hear of invalidations are down while another node invalidates, and then come back. */
const listenerDropped: Attack = {
  name: "the connection that hears of invalidations is cut meanwhile",
  right: 0,
  run: ({ isAttacked, peer, port }) =>
    Effect.gen(function* () {
      const source = Source.make()
      const [one, two] = [yield* peer.node(port, source), yield* peer.node(port, source)]
      const keys = keysOf(20)
      for (const key of keys) {
        source.set(key, "old")
        yield* one.read(key)
        yield* two.read(key)
      }
      yield* Effect.sleep(settling)
      const listeners = yield* Admin.listeners(peer.listener)
      for (const key of keys) {
        source.set(key, "new")
        const invalidation = invalidate(two, key, "key")
        yield* isAttacked ? Admin.whileDown(listeners, invalidation) : invalidation
        yield* Admin.untilBack(listeners)
      }
      yield* Effect.sleep(settling)
      return yield* countStale([one], keys)
    })
}

/** What remembers the invalidation of a tag is evicted, as a full Redis may do to any key. */
const markEvicted: Attack = {
  name: "what remembers a tag's invalidation is evicted",
  right: 0,
  run: ({ isAttacked, peer, port }) => {
    const { hasTags, marks } = peer
    if (!hasTags || marks === undefined) return undefined
    return Effect.gen(function* () {
      const source = Source.make()
      const [one, two] = [yield* peer.node(port, source), yield* peer.node(port, source)]
      const keys = keysOf(20)
      for (const key of keys) {
        source.set(key, "old")
        yield* one.read(key)
        yield* Effect.sleep("5 millis")
        // Some remember what to delete before the invalidation, some what was invalidated after it.
        if (isAttacked) yield* Admin.evict(marks)
        source.set(key, "new")
        yield* invalidate(two, key, "tag")
        if (isAttacked) yield* Admin.evict(marks)
      }
      yield* Effect.sleep(settling)
      // The invalidating node still knows in its own memory, and would tell the others if it read.
      return yield* countStale([one], keys)
    })
  }
}

/** One node's clock is wrong by two seconds. The control's is right. */
const wrongClock = (name: string, skewed: "loader" | "invalidator", skew: number): Attack => ({
  name,
  right: 0,
  run: ({ isAttacked, peer, port }) =>
    Effect.gen(function* () {
      const source = Source.make()
      const right = yield* peer.node(port, source)
      const wrong = yield* Remote.spawn(peer, port, isAttacked ? skew : 0)
      const keys = keysOf(20)
      for (const key of keys) {
        source.set(key, "old")
        yield* skewed === "loader" ? wrong.read(key, "old") : right.read(key)
        // An entry and an invalidation of one millisecond are told apart by nobody's clock.
        yield* Effect.sleep("5 millis")
        source.set(key, "new")
        yield* skewed === "loader" ? invalidate(right, key, "tag") : wrong.invalidate(key)
      }
      yield* Effect.sleep(settling)
      return yield* countStale<PeerFailed | Remote.RemoteFailed>(
        [right, { read: (key) => wrong.read(key, "new") }],
        keys
      )
    })
})

/** A lookup failed on one node; the source is back; another node asks. The control's source was never away. */
const failureServed: Attack = {
  name: "a failed lookup is served to another node",
  right: 0,
  run: ({ isAttacked, peer, port }) =>
    Effect.gen(function* () {
      const source = Source.make()
      const [one, two] = [yield* peer.node(port, source), yield* peer.node(port, source)]
      const keys = keysOf(20)
      let count = 0
      for (const key of keys) {
        source.set(key, "new")
        if (isAttacked) source.setDown(key, true)
        yield* Effect.exit(one.read(key))
        source.setDown(key, false)
        const answer = yield* Effect.exit(two.read(key))
        if (answer._tag === "Failure") count++
      }
      return { count, of: keys.length }
    })
}

export const attacks: ReadonlyArray<Attack> = [
  duringLoad("deleted during a load, by the loading node", "key", "own"),
  duringLoad("deleted during a load, by another node", "key", "other"),
  duringLoad("tag invalidated during a load, by the loading node", "tag", "own"),
  duringLoad("tag invalidated during a load, by another node", "tag", "other"),
  stampede,
  listenerDropped,
  markEvicted,
  wrongClock("the loading node's clock is 2 s ahead", "loader", 2_000),
  wrongClock("the invalidating node's clock is 2 s behind", "invalidator", -2_000),
  failureServed
]
