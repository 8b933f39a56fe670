/**
 * Where a season's data comes from: the FPL API, a recording, a simulation, behind one service.
 */
import { Context, type Effect } from "effect"
import type { Season } from "../season/Season.ts"
import type { SeasonRevision } from "../season/SeasonRevision.ts"
import type { SourceError } from "./SourceError.ts"

/** The source. What gives no whole, coherent revision is a `SourceError`. */
export class FplSource extends Context.Service<
  FplSource,
  {
    /** The season that was stated. Where none was, the data states it, and may go on to the next one. */
    readonly season: Season | undefined
    /** The source in a few words, for people. */
    readonly description: string
    /** Fetches one coherent revision, measured against the one held before, if any. */
    readonly fetch: (previous?: SeasonRevision) => Effect.Effect<SeasonRevision, SourceError>
  }
>()("@letletme/fpl/FplSource") {}
