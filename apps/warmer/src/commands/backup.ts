/**
 * `backup FILE` and `restore FILE`: the entries of the store, to a file and back.
 */
import { Backup, Integrity } from "@letletme/cache"
import { Effect } from "effect"
import { answer, Failed, sentence, showProgress } from "../Output.ts"
import type { Store } from "../Settings.ts"
import { describe } from "./verify.ts"

/** A store that ends with the process has nothing to back up, and keeps nothing that is restored. */
export const refuseMemory = (store: Store) =>
  store._tag === "Memory"
    ? Effect.fail(
        new Failed({ message: "--store: name a Redis, such as redis://localhost:6379. Memory ends with this process." })
      )
    : Effect.void

/** Writes every entry to a file. */
export const backup = Effect.fn("backup")(function* (file: string, json: boolean) {
  const { progress, write } = yield* Backup
  yield* showProgress("Backing up", progress)
  const written = yield* write(file)
  yield* answer(json, written, () => {
    const skipped = written.skipped === 0 ? "" : `; ${written.skipped} keys are no readable entry and were left out`
    return sentence(`${written.entries} entries in ${written.bytes} bytes, in ${written.millis} ms: ${file}${skipped}.`)
  })
}, Effect.scoped)

/** Puts the entries of a file back, verifies them, and loads what the source does not confirm. */
export const restore = Effect.fn("restore")(function* (file: string, json: boolean) {
  const { progress, restore: run } = yield* Backup
  const integrity = yield* Integrity
  yield* showProgress("Restoring", progress)
  yield* showProgress("Verifying", integrity.progress)
  const restored = yield* run(file)
  const { entries, expired, held, repair } = restored
  yield* answer(json, restored, () =>
    [
      sentence(
        `${restored.restored} of ${entries} entries restored in ${restored.millis} ms; ${held} were older than what is there, ${expired} out of date.`
      ),
      "",
      describe(repair.first),
      "",
      repair.second.isClean ? "A second pass finds everything right." : `Again: ${describe(repair.second)}`
    ].join("\n")
  )
  if (!repair.second.isClean) {
    return yield* new Failed({
      message: "Restored, and not everything could be verified: `verify --repair` does, once the source answers."
    })
  }
}, Effect.scoped)
