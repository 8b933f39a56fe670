/**
 * Brings entries under the encryption key that writes now, in the background, so that nobody has to remember to.
 */
import { CacheStore, Cipher, Rotation } from "@letletme/cache"
import { Context, Duration, Effect, Layer, Option, Queue, Ref, Schedule, Stream } from "effect"

/** How far it is. */
export interface Status {
  /** The key that writes. */
  readonly key: string
  /** `waiting`: not everything was under it, or the store failed; another pass follows. */
  readonly state: "running" | "waiting" | "done"
  /** Of the pass that runs, or ran last. */
  readonly progress: Rotation.Progress
}

// How often the key that writes is looked at; the ring itself is read every minute.
const keyCheck = "5 seconds"

// While another process writes under the older key, a pass follows after so long, and twice as long each time.
const shortestPause = Duration.minutes(1)
const longestPause = Duration.hours(1)

/** The rotation of the namespace. One process does it: the one that leads. */
export class Rotations extends Context.Service<
  Rotations,
  {
    /** How far it is; none where nothing is encrypted, or this process did not rotate yet. */
    readonly status: Effect.Effect<Option.Option<Status>>
    /** Goes through the entries until all are current, and again with each new key and each {@link again}. */
    readonly keep: Effect.Effect<never>
    /** Has one more pass made, soon. */
    readonly again: Effect.Effect<void>
  }
>()("@letletme/warmer/Rotations") {
  /** At most so many entries a second are looked at. */
  static readonly layer = (rate: number): Layer.Layer<Rotations, never, CacheStore> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const store = yield* CacheStore
        const status = yield* Ref.make(Option.none<Status>())
        const wanted = yield* Queue.sliding<void>(1)
        const service = {
          status: Ref.get(status),
          again: Effect.asVoid(Queue.offer(wanted, undefined))
        }
        const found = yield* Effect.serviceOption(Cipher.Cipher)
        if (Option.isNone(found)) return Rotations.of({ ...service, keep: Effect.never })
        const cipher = found.value

        const tell = (key: string, state: Status["state"], progress: Rotation.Progress) =>
          Ref.set(status, Option.some({ key, state, progress }))

        /** Goes through all entries once. Answers whether each was current. */
        const pass = Effect.fn("Rotations.pass")(function* (key: string) {
          let last = Rotation.start
          yield* tell(key, "running", last)
          const exit = yield* Rotation.rotate.pipe(
            Stream.runForEach((progress) => {
              const looked = progress.seen - last.seen
              last = progress
              return Effect.andThen(tell(key, "running", progress), Effect.sleep((looked / rate) * 1_000))
            }),
            Effect.provideService(Cipher.Cipher, cipher),
            Effect.provideService(CacheStore, store),
            Effect.onInterrupt(() => tell(key, "waiting", last)),
            Effect.result
          )
          const isDone = exit._tag === "Success" && last.renewed + last.removed === 0
          yield* tell(key, isDone ? "done" : "waiting", last)
          if (exit._tag === "Failure") {
            yield* Effect.logWarning(`The rotation broke off, and goes on later: ${exit.failure.message}`)
          } else if (!isDone) {
            yield* Effect.logInfo(
              `Of ${last.seen} entries ${last.renewed} were encrypted anew under ${key}, and ${last.removed} that could not be read deleted`
            )
          }
          return isDone
        })

        const newKey = (key: string) =>
          Effect.repeat(Effect.sync(cipher.current), {
            schedule: Schedule.spaced(keyCheck),
            until: (current) => current !== key
          })

        const rotate = Effect.gen(function* () {
          const key = cipher.current()
          const asked = Effect.raceFirst(Effect.asVoid(newKey(key)), Queue.take(wanted))
          let pause = shortestPause
          while (cipher.current() === key && !(yield* pass(key))) {
            yield* Effect.timeoutOption(asked, pause)
            pause = Duration.min(Duration.times(pause, 2), longestPause)
          }
          if (cipher.current() === key) yield* asked
        })
        return Rotations.of({ ...service, keep: Effect.forever(rotate) })
      })
    )
}
