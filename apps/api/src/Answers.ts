/**
 * Answers as bytes: made once from a snapshot of the caches, and sent as they are until something that they were made of
 * is invalidated or expires.
 *
 * An answer that is kept remembers the tags of all that was read for it, and the position of the view at which it was
 * found valid. It is checked against the view each time it is sent, as an entry of the near cache is: what is invalidated
 * is never sent again, from the moment on at which this process hears of it.
 */
import { CacheConfig, type CacheError, CacheManager, LiveView, Meter, Position, Recording, Tag } from "@letletme/cache"
import { Clock, Context, Deferred, Duration, Effect, Layer, Record, Result } from "effect"
import { LRUCache } from "lru-cache"
import { hash } from "node:crypto"
import type { Found } from "./Answer.ts"
import * as Coding from "./Coding.ts"
import * as Instruments from "./Instruments.ts"
import type * as Json from "./Json.ts"
import { overloaded, type Unavailable } from "./Problem.ts"
import { type Reply, replyOf, type Sent, type Variant, variant } from "./Reply.ts"

/** What of a request decides the bytes of its answer. */
export interface Asked {
  /** Path and query, as they were sent. */
  readonly url: string
  readonly acceptEncoding: string | undefined
  readonly ifNoneMatch: string | undefined
  /** The position that the answer has to be as new as. */
  readonly after: Position.Position
}

/** What an answer says around its data. */
export type Said<A> = Omit<Found<A>, "until"> & { readonly revision: Position.Position; readonly source: string }

/** Settings of answers. */
export interface Options {
  /** Where the data comes from, as answers say it. */
  readonly source: string
  /** The most bytes that kept answers take, packed ones included. Default: 64 MiB. */
  readonly keep?: number
  /** How many answers are made at once; more are turned away. Default: 256. */
  readonly concurrency?: number
  /** How long a request waits for the position that it brings. Default: 2 seconds. */
  readonly patience?: Duration.Input
  /** Answers of fewer bytes are not packed. Default: 1,024. */
  readonly packAbove?: number
}

/** An answer that was made. */
interface Made extends Sent {
  readonly revision: Position.Position
  /** Of all that was read; coarsened. */
  readonly tags: ReadonlyArray<Tag.Tag>
  /** The position at which all of it was valid. */
  readonly position: Position.Position
  /** The version of the view at which that was found last. */
  checkedAt: number
  readonly plain: Variant
  readonly packed: Map<Coding.Coding, Variant>
}

/** Answers, made and kept. */
export class Answers extends Context.Service<
  Answers,
  {
    /** The reply to a request whose answer is at hand and good; `undefined` if it takes more. */
    readonly atHand: (asked: Asked) => Reply | undefined
    /** The reply to a request: at hand, or made of what the read finds. Reads run in one snapshot. */
    readonly answer: <A, E>(
      asked: Asked,
      form: Json.Json<Said<A>>,
      read: Effect.Effect<Found<A>, E>
    ) => Effect.Effect<Reply, E | CacheError | Unavailable>
  }
>()("@letletme/api/Answers") {
  static readonly layer = (options: Options): Layer.Layer<Answers, never, CacheManager | LiveView> =>
    Layer.effect(
      this,
      Effect.suspend(() => make(options))
    )
}

const make = Effect.fnUntraced(function* ({
  concurrency = 256,
  keep = 64 * 1024 * 1024,
  packAbove = 1_024,
  patience = "2 seconds",
  source
}: Options) {
  const manager = yield* CacheManager
  const live = yield* LiveView
  const clock = yield* Clock.Clock
  const { maxTagsPerEntry } = yield* CacheConfig.Settings
  const { view } = live
  const waitFor = Duration.toMillis(patience)

  // Packed bytes are counted with those that they are made of: together they are fewer than these again.
  const kept = new LRUCache<string, Made>({
    maxSize: keep,
    sizeCalculation: ({ plain, tags }, url) => 2 * plain.bytes.length + 1_024 + 64 * tags.length + url.length
  })
  const codings = new LRUCache<string, Coding.Coding>({ max: 1_000 })
  const making = new Map<string, Deferred.Deferred<void>>()
  let underWay = 0
  const counts = { at_hand: 0, unchanged: 0, made: 0 }
  const meter = yield* Meter.make
  for (const outcome of Record.keys(counts)) meter.observe(Instruments.answers, { outcome }, () => counts[outcome])
  meter.observe(Instruments.kept, {}, () => kept.calculatedSize)

  const codingOf = (accepted: string | undefined): Coding.Coding => {
    if (accepted === undefined) return "identity"
    const known = codings.get(accepted)
    if (known !== undefined) return known
    const coding = Coding.negotiate(accepted)
    codings.set(accepted, coding)
    return coding
  }

  const isGood = (made: Made, now: number): boolean => {
    if (now >= made.until || !live.isTrusted(now)) return false
    const { version } = view
    if (made.checkedAt === version) return true
    if (!view.isStillValid(made.position, made.tags, made.checkedAt)) return false
    made.checkedAt = version
    return true
  }

  const goodOf = (url: string, now: number): Made | undefined => {
    const made = kept.get(url)
    return made !== undefined && isGood(made, now) ? made : undefined
  }

  const variantOf = (made: Made, acceptEncoding: string | undefined): Variant | undefined => {
    if (made.plain.bytes.length < packAbove) return made.plain
    const coding = codingOf(acceptEncoding)
    return coding === "identity" ? made.plain : made.packed.get(coding)
  }

  const told = (
    made: Made,
    one: Variant,
    position: Position.Position,
    { ifNoneMatch }: Asked,
    now: number,
    outcome: "at_hand" | "made"
  ): Reply => {
    const reply = replyOf(made, one, { position, now, ifNoneMatch })
    counts[reply.status === 304 ? "unchanged" : outcome]++
    return reply
  }

  const packed = Effect.fnUntraced(function* (made: Made, coding: Exclude<Coding.Coding, "identity">) {
    const bytes = yield* Coding.pack(coding, made.plain.bytes)
    const one = variant(bytes, coding, `${made.plain.etag.slice(0, -1)}-${coding}"`)
    made.packed.set(coding, one)
    return one
  })

  /** Runs a read in a snapshot, and tells what it read in the attempt that held. */
  const snapshot = <A, E>(read: Effect.Effect<A, E>) =>
    manager.snapshot(
      Effect.flatMap(Recording.Recorder, (outer) => {
        const reads: Array<Recording.Read> = []
        const own: Recording.Recorder = {
          isSnapshot: true,
          isExact: false,
          record: (one) => {
            // What has no tags was read from no cache: nothing makes it invalid.
            if (one.tags.length > 0) reads.push(one)
          }
        }
        const recorder = outer === undefined ? own : Recording.forAll([outer, own])
        return Effect.map(Effect.provideService(read, Recording.Recorder, recorder), (found) => ({ found, reads }))
      })
    )

  const madeOf = Effect.fnUntraced(function* <A, E>(
    url: string,
    form: Json.Json<Said<A>>,
    read: Effect.Effect<Found<A>, E>
  ): Effect.fn.Return<Made, E | CacheError> {
    const from = view.position
    const { found, reads } = yield* snapshot(read)
    const tags = new Set<Tag.Tag>()
    let revision = Position.zero
    let until = found.until ?? Number.POSITIVE_INFINITY
    let createdAt = clock.currentTimeMillisUnsafe()
    for (const one of reads) {
      for (const tag of one.tags) tags.add(tag)
      revision = Math.max(revision, one.stamp)
      until = Math.min(until, one.freshUntil ?? until)
      createdAt = Math.min(createdAt, one.createdAt ?? createdAt)
    }
    // From here on its validity is told from the view's position: up to that it has to be valid as it is.
    const isValid = revision <= view.position && reads.every((one) => view.isValid(one.stamp, one.tags))
    const { data, provisional, season, stage } = found
    const encoded = form.encode({ data, season, revision, source, stage, provisional })
    if (Result.isFailure(encoded)) return yield* Effect.die(new Error(`The answer to ${url}: ${encoded.failure}`))
    const bytes = encoded.success
    const made: Made = {
      revision,
      stage,
      tags: [...Tag.coarsen(tags, maxTagsPerEntry)],
      position: isValid ? view.position : Math.max(from, revision),
      checkedAt: isValid ? view.version : Number.NEGATIVE_INFINITY,
      until,
      createdAt,
      plain: variant(bytes, "identity", `"${revision}-${hash("sha256", bytes, "base64url").slice(0, 22)}"`),
      packed: new Map()
    }
    if (isValid) kept.set(url, made)
    return made
  })

  /** One makes an answer, and others wait for it; none takes what was made from before it asked without a check. */
  const shared = <A, E>(
    url: string,
    form: Json.Json<Said<A>>,
    read: Effect.Effect<Found<A>, E>
  ): Effect.Effect<Made, E | CacheError | Unavailable> =>
    Effect.suspend(() => {
      const other = making.get(url)
      if (other !== undefined) {
        return Effect.flatMap(Deferred.await(other), () => {
          const good = goodOf(url, clock.currentTimeMillisUnsafe())
          return good === undefined ? alone(url, form, read) : Effect.succeed(good)
        })
      }
      const done = Deferred.makeUnsafe<void>()
      making.set(url, done)
      return Effect.ensuring(
        alone(url, form, read),
        Effect.sync(() => {
          making.delete(url)
          Deferred.doneUnsafe(done, Effect.void)
        })
      )
    })

  const alone = <A, E>(
    url: string,
    form: Json.Json<Said<A>>,
    read: Effect.Effect<Found<A>, E>
  ): Effect.Effect<Made, E | CacheError | Unavailable> =>
    Effect.suspend((): Effect.Effect<Made, E | CacheError | Unavailable> => {
      if (underWay >= concurrency) return Effect.fail(overloaded())
      underWay++
      return Effect.ensuring(
        madeOf(url, form, read),
        Effect.sync(() => {
          underWay--
        })
      )
    })

  const atHand = (asked: Asked): Reply | undefined => {
    const now = clock.currentTimeMillisUnsafe()
    if (asked.after > view.position) return undefined
    const made = goodOf(asked.url, now)
    if (made === undefined) return undefined
    const one = variantOf(made, asked.acceptEncoding)
    if (one === undefined) return undefined
    return told(made, one, view.position, asked, now, "at_hand")
  }

  return Answers.of({
    atHand,
    answer: Effect.fn("Answers.answer")(function* (asked, form, read) {
      if (asked.after > view.position) yield* live.reach(asked.after, waitFor)
      const made = goodOf(asked.url, clock.currentTimeMillisUnsafe()) ?? (yield* shared(asked.url, form, read))
      const coding = codingOf(asked.acceptEncoding)
      const one =
        variantOf(made, asked.acceptEncoding) ?? (coding === "identity" ? made.plain : yield* packed(made, coding))
      const now = clock.currentTimeMillisUnsafe()
      // What was overtaken while it was made is as new as it was then.
      return told(made, one, isGood(made, now) ? view.position : made.position, asked, now, "made")
    })
  })
})
