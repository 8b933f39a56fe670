/**
 * The way down: no new work, nothing left to tell, the lead to another, a backup if one is wanted; then the layers close.
 */
import { Backup, Leadership, OutboxRelay } from "@letletme/cache"
import { Effect, Option } from "effect"
import { Health } from "./Health.ts"

/** A step that fails must not keep the next ones from being taken. */
const step = <A, E extends { readonly message: string }, R>(
  what: string,
  effect: Effect.Effect<A, E, R>,
  said: (result: A) => Option.Option<string>
) =>
  effect.pipe(
    Effect.flatMap((result) =>
      Option.match(said(result), {
        onNone: () => Effect.void,
        onSome: (text) => Effect.logInfo(`Stopping: ${text}`)
      })
    ),
    Effect.catch(({ message }) => Effect.logWarning(`Stopping: ${what} failed: ${message}`)),
    Effect.withSpan(`Stopping.${what}`)
  )

/**
 * Runs when the work has ended and the servers are still up. How long all of it may take is the process's bound on
 * stopping.
 */
export const stop = Effect.fn("Stopping")(function* (backupTo: Option.Option<string>) {
  const health = yield* Health
  const leadership = yield* Leadership
  const relay = yield* OutboxRelay
  yield* health.stopping
  yield* step("telling what is committed", relay.flush, (last) =>
    Option.map(Option.fromUndefinedOr(last), (position) => `what was committed is told, up to ${position}`)
  )
  // The backup is of no concern to whoever leads next.
  yield* step("handing over", leadership.handOver, (led) => (led ? Option.some("another may lead") : Option.none()))
  if (Option.isNone(backupTo)) return
  const { write } = yield* Backup
  yield* step("the backup", write(backupTo.value), ({ bytes, entries, file }) =>
    Option.some(`${entries} entries backed up in ${bytes} bytes: ${file}`)
  )
})
