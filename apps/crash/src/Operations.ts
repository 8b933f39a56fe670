/**
 * What a process does until it is told to rest, or killed: updates in some lanes, and publications.
 */
import { type Announcement, EventWorkflow, MatchWorkflow, PhaseWorkflow, SeasonSync, TeamWorkflow } from "@letletme/fpl"
import { Effect, Fiber, Random, type Scope } from "effect"
import { Line } from "./Line.ts"
import type { Assignment, ToWorker } from "./Messages.ts"
import * as Model from "./Model.ts"

// How many updates of one process are under way at once: each in a lane of entities that no other changes.
const lanes = 2
// How many entities an update changes at most.
const batch = 3

type Work = Extract<ToWorker, { readonly _tag: "Work" }>

export interface Operations {
  readonly begin: (work: Work) => Effect.Effect<void, never, Scope.Scope>
  /** Ends once nothing is under way any more. */
  readonly rest: Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* ({ place, places }: Assignment) {
  const { say } = yield* Line
  const sync = yield* SeasonSync
  const events = yield* EventWorkflow
  const phases = yield* PhaseWorkflow
  const teams = yield* TeamWorkflow
  const matches = yield* MatchWorkflow
  let isResting = true
  let atWork: ReadonlyArray<Fiber.Fiber<void>> = []
  let lastMark = 0

  const nextMark = (): number => (lastMark += places)

  const update = (kind: Model.Kind, ids: ReadonlyArray<number>, mark: number, cause: string) => {
    const setsOf = <Fields>(fields: (id: number, mark: number) => Fields) =>
      ids.map((id) => ({ id, set: fields(id, mark) }))
    switch (kind) {
      case "event":
        return events.update(Model.updated, setsOf(Model.fieldsOf.event), { cause })
      case "phase":
        return phases.update(Model.updated, setsOf(Model.fieldsOf.phase), { cause })
      case "team":
        return teams.update(Model.updated, setsOf(Model.fieldsOf.team), { cause })
      case "match":
        return matches.update(Model.updated, setsOf(Model.fieldsOf.match), { cause })
    }
  }

  /** Makes a change, and says before it and after it that it does. */
  const run = <E extends { readonly message: string }>(
    operation: Model.Operation,
    change: Effect.Effect<Announcement["_tag"], E>
  ) =>
    Effect.gen(function* () {
      yield* say({ _tag: "Begun", operation })
      yield* Effect.matchEffect(change, {
        onFailure: ({ message }) => say({ _tag: "Failed", mark: operation.mark, because: message }),
        onSuccess: (announcement) =>
          say({ _tag: "Acknowledged", mark: operation.mark, isAnnounced: announcement === "Announced" })
      })
    })

  /** One update of some entities of a lane. */
  const updateIn = Effect.fnUntraced(function* (lane: number) {
    const kind = Model.kinds[yield* Random.nextIntBetween(0, Model.kinds.length - 1)] ?? "match"
    const own = Model.ids(Model.counts[kind]).filter((id) => id % (lanes * places) === place * lanes + lane)
    const ids = (yield* Random.shuffle(own)).slice(0, yield* Random.nextIntBetween(1, batch))
    const mark = nextMark()
    const operation: Model.Operation = { _tag: "Update", mark, kind, ids }
    const change = update(kind, ids, mark, Model.causeOf(operation))
    yield* run(
      operation,
      Effect.map(change, ({ announcement }) => announcement._tag)
    )
  })

  const publication = Effect.suspend(() => {
    const mark = nextMark()
    return run(
      { _tag: "Publication", mark },
      Effect.map(sync.publish(Model.revisionOf(Model.published, mark)), ({ position }) =>
        position === undefined ? "Pending" : "Announced"
      )
    )
  })

  const untilRest = <R>(effect: Effect.Effect<void, never, R>) =>
    Effect.forkScoped(Effect.whileLoop({ while: () => !isResting, body: () => effect, step: () => undefined }))

  return {
    begin: Effect.fnUntraced(function* ({ firstMark, publications, updates }) {
      isResting = false
      lastMark = firstMark + place
      atWork = [
        ...(publications && place === 0 ? [yield* untilRest(publication)] : []),
        ...(updates ? yield* Effect.forEach(Model.ids(lanes), (lane) => untilRest(updateIn(lane - 1))) : [])
      ]
    }),
    rest: Effect.suspend(() => {
      isResting = true
      return Effect.asVoid(Fiber.awaitAll(atWork))
    })
  } satisfies Operations
})
