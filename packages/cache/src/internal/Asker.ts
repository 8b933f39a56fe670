/**
 * Asks the source of one domain: in time, behind the guards, with what the lookup reads on the way recorded.
 */
import { Array as Arr, Effect, Exit } from "effect"
import { CacheError, Timeout } from "../CacheError.ts"
import * as Lookup from "../Lookup.ts"
import * as Recording from "../Recording.ts"
import type { Tag } from "../Tag.ts"
import type { Keyed } from "./Keys.ts"
import type { Shelf } from "./Shelf.ts"

/** A key that the source is asked of, and who records what its lookup reads. */
export interface Asked<Id> extends Keyed<Id> {
  readonly recorder: Recording.Recorder
}

export interface Asker<Id, A, E> {
  /** Whether one lookup answers for all that is asked together: then what it reads is recorded for each of them. */
  readonly asksTogether: boolean
  /** Runs a lookup. A nested one has its place in the bulkhead already. */
  readonly run: <B>(
    of: { readonly key: Tag; readonly nested: boolean },
    lookup: Effect.Effect<B, E | CacheError>,
    recorder: Recording.Recorder
  ) => Effect.Effect<B, E | CacheError>
  /** Asks the domain's lookup, and keeps nothing of what it answers. Answers each in its place. */
  readonly ask: (
    asked: ReadonlyArray<Asked<Id>>
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<Lookup.Answer<A>, E | CacheError>>>
}

// Lookups of a check under way at once: they are in nobody's way.
const concurrency = 4

export const make = <Id, A, E>(options: {
  readonly domain: string
  readonly shelf: Pick<Shelf<Id, A>, "kernel" | "policy">
  readonly lookup: Lookup.Lookup<Id, A, E, never>
}): Asker<Id, A, E> => {
  const { domain, lookup, shelf } = options
  const { kernel, policy } = shelf

  const run: Asker<Id, A, E>["run"] = ({ key, nested }, effect, recorder) => {
    const millis = policy.lookupTimeout
    const reason = new Timeout({ operation: `The lookup of ${key}`, millis })
    const bounded = effect.pipe(
      Effect.provideService(Recording.Recorder, recorder),
      Effect.timeoutOrElse({
        duration: millis,
        orElse: () => Effect.fail<E | CacheError>(new CacheError({ reason }))
      })
    )
    return kernel.guard(domain, key, bounded, nested)
  }

  return {
    asksTogether: lookup.lookupMany !== undefined,
    run,
    ask: (asked) => {
      if (!Arr.isReadonlyArrayNonEmpty(asked)) return Effect.succeed([])
      if (lookup.lookupMany === undefined) {
        return Effect.forEach(
          asked,
          ({ id, key, recorder }) => Effect.exit(run({ key, nested: false }, lookup.lookup(id, undefined), recorder)),
          { concurrency }
        )
      }
      const questions = Arr.map(asked, ({ id }) => ({ id, previous: undefined }))
      const everyone = Recording.forAll(asked.map(({ recorder }) => recorder))
      const answers = run({ key: asked[0].key, nested: false }, lookup.lookupMany(questions), everyone)
      return Effect.map(Effect.exit(answers), (exit) =>
        asked.map((_, index) => Exit.map(exit, (all) => all[index] ?? Lookup.notModified))
      )
    }
  }
}
