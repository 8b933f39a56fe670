/**
 * `admin warm`, `verify` and the like: an action of the warmer's is begun, followed, and told.
 */
import { WarmStage } from "@letletme/cache"
import { Effect, Option, Stream, SubscriptionRef } from "effect"
import type { Action, Outcome, RecoveryStep } from "../../admin/Reports.ts"
import { answer, columns, Failed, sentence, showProgress } from "../../Output.ts"
import { describe as describeIntegrity } from "../verify.ts"
import { type AdminClient, calling, inTime, type Options, plain, whileHeard } from "./call.ts"

const describeStep = (step: RecoveryStep): string => {
  switch (step._tag) {
    case "Checked":
      return `checked: ${step.finding ?? "nothing is wrong"}`
    case "Remedied":
      return `remedied: ${step.remedy}${step.error === undefined ? "" : `, which failed: ${step.error}`}`
    case "Resolved":
      return `resolved, by ${step.attempts} remedies`
    case "NeedsPerson":
      return `a person is needed: ${step.finding}`
  }
}

/** What an action came to, for a person. */
const describe = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "Verified":
      return describeIntegrity(outcome.report)
    case "Repaired":
      return outcome.first.isClean
        ? describeIntegrity(outcome.first)
        : `${describeIntegrity(outcome.first)}\n\nAgain: ${describeIntegrity(outcome.second)}`
    case "Warmed": {
      const { loaded, millis, stages, total } = outcome.report
      const rows = stages.map((stage) => [stage.name, stage.total, stage.loaded] as const)
      return [
        `${total} entries, ${loaded} of them loaded, in ${millis} ms.`,
        "",
        columns(["entries", "total", "loaded"], rows)
      ]
        .concat(stages.flatMap(({ failures, name }) => failures.map((failure) => `${name}: ${failure}`)))
        .join("\n")
    }
    case "Rotated":
      return `The key that writes is ${outcome.key}.\n\n${columns(
        ["entries", "were current", "encrypted anew", "deleted", "replaced meanwhile"],
        [[outcome.seen, outcome.current, outcome.renewed, outcome.removed, outcome.overtaken]]
      )}`
    case "Recovered":
    case "Maintained":
      return outcome.trail.map((step) => sentence(describeStep(step))).join("\n")
  }
}

/** Whether what an action came to is right. */
const isRight = (outcome: Outcome): boolean => {
  switch (outcome._tag) {
    case "Verified":
      return outcome.report.isClean
    case "Repaired":
      return outcome.second.isClean
    case "Warmed":
      return outcome.report.failures === 0
    case "Rotated":
      return true
    case "Recovered":
    case "Maintained":
      return outcome.resolved
  }
}

/** Begins an action, shows how far it is, and answers with what it came to. Interrupted, it goes on over there. */
export const act = Effect.fn("admin.act")(function* (
  options: Options & { readonly wait: boolean },
  begin: (client: AdminClient) => Effect.Effect<Action, unknown>
) {
  const { json, wait } = options
  const ended = yield* calling(options, (client) =>
    Effect.gen(function* () {
      const begun = yield* inTime(options, begin(client))
      if (!wait) return begun
      const progress = yield* SubscriptionRef.make(WarmStage.idle)
      yield* showProgress(begun.id, SubscriptionRef.changes(progress))
      const steps = yield* inTime(options, client.follow({ params: { id: begun.id } }))
      const last = yield* steps.pipe(
        whileHeard(options),
        Stream.tap((action) => SubscriptionRef.set(progress, action.progress)),
        Stream.runLast,
        Effect.onInterrupt(() => Effect.logInfo(`${begun.id} goes on: see \`warmer admin actions\`.`))
      )
      yield* SubscriptionRef.set(progress, WarmStage.idle)
      return Option.getOrElse(last, () => begun)
    }).pipe(Effect.scoped)
  )
  const { failure, id, outcome, state } = ended
  yield* answer(json, ended, () => (outcome === null ? `${id} is ${state}.` : describe(outcome)))
  if (!wait) return
  if (failure !== null) return yield* new Failed({ message: `${id} failed: ${plain(failure)}` })
  if (outcome === null) return yield* new Failed({ message: `${id} was ended before it was done.` })
  if (!isRight(outcome)) return yield* new Failed({ message: `${id} is done, and not everything is right.` })
})
