/**
 * Fantasy Premier League data: the model, the sources, the caches.
 */
export * as Event from "./event/Event.ts"
export * as FplApi from "./source/FplApi.ts"
export * as MemoryDatabase from "./season/MemoryDatabase.ts"
export * as Lifecycle from "./season/Lifecycle.ts"
export * as Match from "./match/Match.ts"
export * as Phase from "./phase/Phase.ts"
export * as RecordedSource from "./source/RecordedSource.ts"
export * as Season from "./season/Season.ts"
export * as SeasonRevision from "./season/SeasonRevision.ts"
export * as SimulatedApi from "./source/SimulatedApi.ts"
export * as SimulatedSeason from "./source/SimulatedSeason.ts"
export * as Standing from "./standing/Standing.ts"
export * as Team from "./team/Team.ts"
export { FplSource } from "./source/FplSource.ts"
export { SourceError } from "./source/SourceError.ts"
export * as FplCaches from "./FplCaches.ts"
export { EventCache, SeasonEvents } from "./event/EventCache.ts"
export { graph } from "./graph.ts"
export {
  EventMatches,
  MatchCache,
  PhaseMatches,
  SeasonMatches,
  TeamMatches,
  UnscheduledMatches
} from "./match/MatchCache.ts"
export { EventPhases, PhaseCache, SeasonPhases } from "./phase/PhaseCache.ts"
export { PlayerCache, PositionPlayers, SeasonPlayers, TeamPlayers } from "./player/PlayerCache.ts"
export { type Published, SeasonSync } from "./season/SeasonSync.ts"
export { StandingCache, StandingId } from "./standing/StandingCache.ts"
export { SeasonTeams, TeamCache } from "./team/TeamCache.ts"
export { Conflict, Database, DatabaseError, Empty, type Reading, Unavailable, Unreadable } from "./season/Database.ts"
export type { Repository, Stored } from "./season/Repository.ts"
export { type Publication, SeasonRepository } from "./season/SeasonRepository.ts"
export { EventRepository } from "./event/EventRepository.ts"
export { PhaseRepository } from "./phase/PhaseRepository.ts"
export { TeamRepository } from "./team/TeamRepository.ts"
export { MatchRepository } from "./match/MatchRepository.ts"
export { type Announcement, type Committed, Committer } from "./season/Committer.ts"
export { currentId, CurrentSeason, SeasonDeductions, SeasonPublication } from "./season/SeasonCache.ts"
export { currentRevision, revisionOf } from "./season/currentRevision.ts"
export * as Workflows from "./Workflows.ts"
export { EventWorkflow } from "./event/EventWorkflow.ts"
export { PhaseWorkflow } from "./phase/PhaseWorkflow.ts"
export { TeamWorkflow } from "./team/TeamWorkflow.ts"
export { MatchWorkflow } from "./match/MatchWorkflow.ts"
export { DeductionWorkflow } from "./season/DeductionWorkflow.ts"
export {
  type Problem,
  type Update,
  type Updated,
  type UpdateError,
  type UpdateOptions,
  ValidationError
} from "./season/Workflow.ts"
export { at as gameweeksAt, CurrentContext, type Gameweeks, type Moment } from "./season/CurrentContext.ts"
