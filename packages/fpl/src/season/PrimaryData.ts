/**
 * The revision that lookups read: the one published last, or, before the first, one fetched from the source.
 */
import { Context, Effect, Latch, Layer, Option, Ref, Semaphore } from "effect"
import { FplSource } from "../source/FplSource.ts"
import type { SourceError } from "../source/SourceError.ts"
import type { SeasonRevision } from "./SeasonRevision.ts"

/** The primary data. */
export class PrimaryData extends Context.Service<
  PrimaryData,
  {
    /** The revision held, if any. */
    readonly held: Effect.Effect<Option.Option<SeasonRevision>>
    /** The revision held; where there is none it is fetched, once for all who ask. */
    readonly current: Effect.Effect<SeasonRevision, SourceError>
    /** Replaces the revision held. */
    readonly publish: (revision: SeasonRevision) => Effect.Effect<void>
    /**
     * Replaces the revision held together with its announcement: while that is under way lookups wait, so that none
     * reads the new revision before, or the old one after, the log says so. Where it fails, the old revision stays.
     */
    readonly publishWith: <A, E>(revision: SeasonRevision, announce: Effect.Effect<A, E>) => Effect.Effect<A, E>
  }
>()("@letletme/fpl/PrimaryData") {
  static readonly layer: Layer.Layer<PrimaryData, never, FplSource> = Layer.effect(
    this,
    Effect.gen(function* () {
      const source = yield* FplSource
      const ref = yield* Ref.make(Option.none<SeasonRevision>())
      const single = yield* Semaphore.make(1)
      const settled = yield* Latch.make(true)
      const fetch = single.withPermit(
        Effect.flatMap(
          Ref.get(ref),
          Option.match({
            onSome: (revision) => Effect.succeed(revision),
            onNone: () => Effect.tap(source.fetch(), (revision) => Ref.set(ref, Option.some(revision)))
          })
        )
      )
      return PrimaryData.of({
        held: Ref.get(ref),
        current: settled.whenOpen(
          Effect.flatMap(
            Ref.get(ref),
            Option.match({ onSome: (revision) => Effect.succeed(revision), onNone: () => fetch })
          )
        ),
        publish: (revision) => Ref.set(ref, Option.some(revision)),
        publishWith: (revision, announce) =>
          Effect.acquireUseRelease(
            settled.close,
            () => Effect.tap(announce, Ref.set(ref, Option.some(revision))),
            () => settled.open
          )
      })
    })
  )
}

/** The revision in force as writers are ordered: its source time. */
export const revisionOf = (revision: SeasonRevision) => ({ time: revision.time, sequence: 0 })
