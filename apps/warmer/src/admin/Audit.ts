/**
 * The audit log: every attempt on the admin API, done or refused, without the token.
 */
import { Clock, Config, Context, Effect, FileSystem, Layer, Option, Schema, Semaphore } from "effect"
import { Token } from "./Token.ts"

/** An attempt. */
export const AuditEntry = Schema.Struct({
  /** When it was answered (epoch ms). */
  at: Schema.Finite,
  /** The fingerprint of the token; `stranger` where there was none, or another one. */
  who: Schema.String,
  /** The address it came from. */
  remote: Schema.String,
  /** The method and the path, without the query. */
  what: Schema.String,
  status: Schema.Int,
  /** What it did, in a few words; of a refusal, why. */
  note: Schema.String
}).annotate({ identifier: "AuditEntry" })
export interface AuditEntry extends Schema.Schema.Type<typeof AuditEntry> {}

/** The variable that names a file to append to. */
export const variable = "LETLETME_ADMIN_AUDIT_FILE"

// What is kept in memory, and of each text; a file of so many bytes becomes the older one, and a new one begins.
const kept = 200
const longest = 300
const fileBytes = 1_048_576

/** On one line, and not endless: paths and bodies are a stranger's. */
const tame = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?").slice(0, longest)

/** Where attempts are recorded. */
export class Audit extends Context.Service<
  Audit,
  {
    readonly record: (attempt: Omit<AuditEntry, "at">) => Effect.Effect<void>
    /** The latest 200, newest first. */
    readonly recent: Effect.Effect<ReadonlyArray<AuditEntry>>
  }
>()("@letletme/warmer/admin/Audit") {
  /** Kept in memory, told to the process's log, and handed on. */
  private static readonly over = (append: (entry: AuditEntry) => Effect.Effect<void>) =>
    Effect.gen(function* () {
      const { redact } = yield* Token
      const entries: Array<AuditEntry> = []
      const clean = (text: string) => tame(redact(text))
      return Audit.of({
        record: Effect.fn("Audit.record")(function* (attempt) {
          const { note, remote, status, what, who } = attempt
          const at = yield* Clock.currentTimeMillis
          const entry: AuditEntry = { at, who, remote: clean(remote), what: clean(what), status, note: clean(note) }
          entries.push(entry)
          if (entries.length > kept) entries.shift()
          const { at: _, ...told } = entry
          yield* Effect.annotateLogs(status < 400 ? Effect.logInfo("Admin") : Effect.logWarning("Admin"), told)
          yield* append(entry)
        }),
        recent: Effect.sync(() => entries.toReversed())
      })
    })

  static readonly layerMemory: Layer.Layer<Audit, never, Token> = Layer.effect(
    this,
    Audit.over(() => Effect.void)
  )

  /** In a file too, a JSON document on each line: at most 1 MiB, and as much of what was before, in `{file}.1`. */
  static readonly layerFile = (file: string): Layer.Layer<Audit, never, Token | FileSystem.FileSystem> =>
    Layer.effect(
      this,
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        const single = yield* Semaphore.make(1)
        const append = Effect.fnUntraced(function* (entry: AuditEntry) {
          const size = yield* Effect.match(files.stat(file), {
            onSuccess: (info) => Number(info.size),
            onFailure: () => 0
          })
          if (size >= fileBytes) yield* files.rename(file, `${file}.1`)
          yield* files.writeFileString(file, `${JSON.stringify(entry)}\n`, { flag: "a", mode: 0o600 })
        }, single.withPermit)
        return yield* Audit.over((entry) =>
          append(entry).pipe(
            Effect.catch((error) => Effect.logError(`${variable}: ${file} cannot be written: ${error.message}`))
          )
        )
      })
    )

  /** In the file that the environment names, if it names one. */
  static readonly layerConfig = Layer.unwrap(
    Effect.map(
      Config.option(Config.String(variable)),
      Option.match({ onNone: () => Audit.layerMemory, onSome: Audit.layerFile })
    )
  )
}
