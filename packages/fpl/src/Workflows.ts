/**
 * All workflows of the game as one layer.
 */
import { Layer } from "effect"
import { EventWorkflow } from "./event/EventWorkflow.ts"
import type { FplCaches } from "./FplCaches.ts"
import { MatchWorkflow } from "./match/MatchWorkflow.ts"
import { PhaseWorkflow } from "./phase/PhaseWorkflow.ts"
import { DeductionWorkflow } from "./season/DeductionWorkflow.ts"
import type { SeasonStore } from "./season/MemoryDatabase.ts"
import { TeamWorkflow } from "./team/TeamWorkflow.ts"

/** The services that {@link layer} provides. */
export type Workflows = EventWorkflow | PhaseWorkflow | TeamWorkflow | MatchWorkflow | DeductionWorkflow

/** The workflows of gameweeks, phases, teams, matches and deductions, over the caches and the database in context. */
export const layer: Layer.Layer<Workflows, never, FplCaches | SeasonStore> = Layer.mergeAll(
  EventWorkflow.layer,
  PhaseWorkflow.layer,
  TeamWorkflow.layer,
  MatchWorkflow.layer,
  DeductionWorkflow.layer
)
