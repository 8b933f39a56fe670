/**
 * `admin invalidate`, `explain`, `handover` and the like: what the warmer answers at once.
 */
import type { Tag } from "@letletme/cache"
import { wrap } from "@letletme/command"
import { Effect, Option } from "effect"
import type { Action } from "../../admin/Reports.ts"
import { answer, columns } from "../../Output.ts"
import { describe as describeExplanation } from "../read.ts"
import { asking, type Options, plain } from "./call.ts"

/** Invalidates tags, or tells what that would reach. */
export const invalidate = Effect.fn("admin.invalidate")(function* (
  options: Options,
  payload: {
    readonly tags: ReadonlyArray<Tag.Tag>
    readonly cascade: boolean
    readonly cause: Option.Option<string>
    readonly dryRun: boolean
  }
) {
  const { cascade, dryRun, tags } = payload
  const cause = Option.match(payload.cause, { onNone: () => ({}), onSome: (text) => ({ cause: text }) })
  const done = yield* asking(options, (client) => client.invalidate({ payload: { tags, cascade, dryRun, ...cause } }))
  yield* answer(options.json, done, () =>
    [
      done.position === null
        ? "Nothing was changed. It would append these, and reach so many entries:"
        : `Invalidated at ${done.position}:`,
      "",
      ...done.tags,
      ...(done.reach === null
        ? []
        : [
            "",
            columns(
              ["domain or list", "entries"],
              Object.entries(done.reach).filter(([, entries]) => entries > 0)
            )
          ])
    ].join("\n")
  )
})

/** Why a key is fresh, stale or absent, in the warmer's process. */
export const explain = Effect.fn("admin.explain")(function* (options: Options, key: Tag.Tag) {
  const explanation = yield* asking(options, (client) => client.explain({ query: { key } }))
  yield* answer(options.json, explanation, () => describeExplanation(explanation))
})

/** Gives the lead away. */
export const handOver = Effect.fn("admin.handOver")(function* (options: Options) {
  const done = yield* asking(options, (client) => client.handOver({}))
  yield* answer(options.json, done, () =>
    done.leader === null
      ? "The lead was given back; who leads is not known yet."
      : done.isAnother
        ? `${done.leader} leads.`
        : `There is no other candidate: ${done.leader} leads again.`
  )
})

/** Has settings read again. */
export const reload = Effect.fn("admin.reload")(function* (options: Options) {
  const done = yield* asking(options, (client) => client.reload({}))
  const list = (names: ReadonlyArray<string>) => names.join(", ") || "nothing"
  yield* answer(
    options.json,
    done,
    () => `in force now           ${list(done.applied)}\nwaits for a restart    ${list(done.waiting)}`
  )
})

const rowOf = ({ endedAt, id, progress, startedAt, state }: Action) =>
  [
    id,
    state,
    new Date(startedAt).toISOString(),
    progress.total,
    endedAt === null ? "" : `${endedAt - startedAt} ms`
  ] as const

const table = (actions: ReadonlyArray<Action>): string =>
  actions.length === 0 ? "None." : columns(["action", "state", "began", "entries", "took"], actions.map(rowOf))

/** The latest actions. */
export const actions = Effect.fn("admin.actions")(function* (options: Options) {
  const all = yield* asking(options, (client) => client.actions({}))
  yield* answer(options.json, all, () => table(all))
})

/** The latest maintenance window. */
export const maintenance = Effect.fn("admin.maintenance")(function* (options: Options) {
  const window = yield* asking(options, (client) => client.maintenance({}))
  yield* answer(options.json, window, () => table(window === null ? [] : [window]))
})

/** Ends the maintenance window that is open. */
export const endMaintenance = Effect.fn("admin.endMaintenance")(function* (options: Options) {
  const window = yield* asking(options, (client) => client.endMaintenance({}))
  yield* answer(options.json, window, () => `${window.id} is ${window.state}.`)
})

/** The latest attempts. */
export const audit = Effect.fn("admin.audit")(function* (options: Options) {
  const entries = yield* asking(options, (client) => client.audit({}))
  yield* answer(options.json, entries, () =>
    entries
      .flatMap(({ at, note, remote, status, what, who }) => [
        `${new Date(at).toISOString().slice(0, 19)}Z  ${status}  ${who.padEnd(8)}  ${plain(what)}`,
        ...wrap(plain(`from ${remote}. ${note}`), 76).map((text) => `    ${text}`)
      ])
      .join("\n")
  )
})
