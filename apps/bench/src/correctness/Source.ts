/**
 * The truth that every node's loader reads: a value per key, and ways to hold a load after it has read, or fail it.
 */
import { Deferred, Effect, Schema } from "effect"

/** The source does not answer. */
export class SourceDown extends Schema.TaggedError<SourceDown>()("SourceDown", { key: Schema.String }) {
  override get message() {
    return `The source does not answer for ${this.key}; ask again later.`
  }
}

/** One held load. */
export interface Hold {
  /** Done once a loader has read the value and waits. */
  readonly reached: Deferred.Deferred<void>
  /** Lets it answer. */
  readonly release: Effect.Effect<void>
}

/** A source whose loads are counted. */
export interface Source {
  readonly load: (key: string) => Effect.Effect<string, SourceDown>
  /** The same, for a cache whose loader is a function that answers a promise. */
  readonly loadPromise: (key: string) => Promise<string>
  readonly set: (key: string, value: string) => void
  /** Fails the loads of a key until it is set up again. */
  readonly setDown: (key: string, isDown: boolean) => void
  /** Holds the next load of a key, after it has read. */
  readonly hold: (key: string) => Hold
  readonly loads: () => number
}

/** Every load takes `loadMillis`, as a database's answer does. */
export const make = (loadMillis = 0): Source => {
  const values = new Map<string, string>()
  const down = new Set<string>()
  const held = new Map<
    string,
    { readonly reached: Deferred.Deferred<void>; readonly released: Deferred.Deferred<void> }
  >()
  let loads = 0
  const load = Effect.fnUntraced(function* (key: string) {
    loads++
    if (down.has(key)) return yield* new SourceDown({ key })
    const value = values.get(key) ?? "unset"
    const hold = held.get(key)
    held.delete(key)
    if (loadMillis > 0) yield* Effect.sleep(loadMillis)
    if (hold !== undefined) {
      yield* Deferred.succeed(hold.reached, undefined)
      yield* Deferred.await(hold.released)
    }
    return value
  })
  return {
    load,
    loadPromise: (key) => Effect.runPromise(load(key)),
    set: (key, value) => {
      values.set(key, value)
    },
    setDown: (key, isDown) => {
      if (isDown) down.add(key)
      else down.delete(key)
    },
    hold: (key) => {
      const reached = Deferred.makeUnsafe<void>()
      const released = Deferred.makeUnsafe<void>()
      held.set(key, { reached, released })
      return { reached, release: Effect.asVoid(Deferred.succeed(released, undefined)) }
    },
    loads: () => loads
  }
}
