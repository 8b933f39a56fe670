/**
 * Asks the source of one domain: in time, behind the guards, with what the lookup reads on the way recorded.
 */
import { Array as Arr, Effect, Exit, type Tracer } from "effect"
import { CacheError, Timeout } from "../CacheError.ts"
import type { Staleness } from "../CacheEvent.ts"
import type { Entry } from "../Entry.ts"
import * as Lookup from "../Lookup.ts"
import * as Recording from "../Recording.ts"
import * as TraceContext from "../TraceContext.ts"
import type { Keyed } from "./Keys.ts"
import type { Shelf } from "./Shelf.ts"
import { timed } from "./timed.ts"

/** A key that the source is asked of, and who records what its lookup reads. */
export interface Asked<Id> extends Keyed<Id> {
  readonly recorder: Recording.Recorder
}

/** A key that is loaded: why, and for whom. */
export interface Loading<Id, A> extends Keyed<Id> {
  readonly because: Staleness
  /** The entry that is no longer fresh, for a conditional lookup. */
  readonly held: Entry<A> | undefined
  /** Asked for by another load, which has a place in the bulkhead already. */
  readonly nested: boolean
  /** What its caller does: the load is part of that. */
  readonly span: Tracer.AnySpan | undefined
}

export interface Asker<Id, A, E> {
  /** Whether one lookup answers for all that is asked together: then what it reads is recorded for each of them. */
  readonly asksTogether: boolean
  /** Asks for what is to be kept, or runs what the caller brought instead: timed, counted, told and traced. */
  readonly load: (
    one: Loading<Id, A>,
    recorder: Recording.Recorder,
    own?: Effect.Effect<Lookup.Answer<A>, CacheError>
  ) => Effect.Effect<Lookup.Answer<A>, E | CacheError>
  /** The same for many, in one lookup; answers as many as were asked for. */
  readonly loadMany: (
    group: Arr.NonEmptyReadonlyArray<Loading<Id, A>>,
    recorder: Recording.Recorder
  ) => Effect.Effect<ReadonlyArray<Lookup.Answer<A>>, E | CacheError>
  /** Does something for all of a group, in one span that is part of what their callers do. */
  readonly traced: <B, E2>(
    name: string,
    group: ReadonlyArray<Pick<Loading<Id, A>, "key" | "span">>,
    effect: Effect.Effect<B, E2>
  ) => Effect.Effect<B, E2>
  /** Asks the domain's lookup, and keeps nothing of what it answers. Answers each in its place. */
  readonly ask: (
    asked: ReadonlyArray<Asked<Id>>
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<Lookup.Answer<A>, E | CacheError>>>
}

const previousOf = <A>(held: Entry<A> | undefined): Lookup.Previous<A> | undefined =>
  held?.value === undefined ? undefined : { value: held.value, revision: held.revision, createdAt: held.createdAt }

// Lookups of a check under way at once: they are in nobody's way.
const concurrency = 4

export const make = <Id, A, E>(options: {
  readonly domain: string
  readonly shelf: Pick<Shelf<Id, A>, "counts" | "kernel" | "meter" | "policy">
  readonly lookup: Lookup.Lookup<Id, A, E, never>
}): Asker<Id, A, E> => {
  const { domain, lookup, shelf } = options
  const { counts, kernel, meter, policy } = shelf

  const run = <B>(
    { key, nested }: Pick<Loading<Id, A>, "key" | "nested">,
    effect: Effect.Effect<B, E | CacheError>,
    recorder: Recording.Recorder
  ): Effect.Effect<B, E | CacheError> => {
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

  const counted = <B>(group: ReadonlyArray<Loading<Id, A>>, effect: Effect.Effect<B, E | CacheError>) =>
    Effect.suspend(() => {
      let millis = 0
      const timing = timed(kernel.clock, effect, (seconds) => {
        millis = Math.round(seconds * 1_000)
        meter.load(seconds)
      })
      return Effect.onExit(timing, (exit) =>
        Effect.sync(() => {
          counts.loadMillis += millis
          if (Exit.isSuccess(exit)) {
            counts.loads += group.length
            for (const { because, key } of group) kernel.tell({ _tag: "Loaded", key, because, millis })
          } else {
            counts.loadFailures += group.length
            for (const { key } of group) kernel.tell({ _tag: "LoadFailed", key, error: exit.cause })
          }
        })
      )
    })

  const traced: Asker<Id, A, E>["traced"] = (name, group, effect) =>
    TraceContext.inSpan(name, effect, () => ({
      ...TraceContext.joined(group.map(({ span }) => span)),
      attributes: {
        "cache.domain": domain,
        "cache.key": TraceContext.short(group[0]?.key),
        "cache.keys": group.length
      }
    }))

  const loading = <B>(
    group: Arr.NonEmptyReadonlyArray<Loading<Id, A>>,
    asking: Effect.Effect<B, E | CacheError>,
    recorder: Recording.Recorder
  ) => traced("DomainCache.load", group, counted(group, run(group[0], asking, recorder)))

  type Asking = Pick<Loading<Id, A>, "id" | "held">

  const askMany = (group: Arr.NonEmptyReadonlyArray<Asking>) =>
    lookup.lookupMany === undefined
      ? Effect.forEach(group, askOne, { concurrency })
      : lookup.lookupMany(Arr.map(group, ({ held, id }) => ({ id, previous: previousOf(held) })))

  const askOne = (one: Asking): Effect.Effect<Lookup.Answer<A>, E> =>
    lookup.lookupMany === undefined
      ? lookup.lookup(one.id, previousOf(one.held))
      : Effect.map(askMany([one]), ([answer = Lookup.notModified]) => answer)

  return {
    asksTogether: lookup.lookupMany !== undefined,
    traced,
    load: (one, recorder, own) => loading([one], own ?? askOne(one), recorder),
    loadMany: (group, recorder) =>
      Effect.filterOrElse(
        loading(group, askMany(group), recorder),
        (answers) => answers.length === group.length,
        ({ length }) => Effect.die(`The lookup of ${domain} gave ${length} answers to ${group.length} questions`)
      ),
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
