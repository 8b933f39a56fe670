/**
 * What is answered about entries and the season, as it is sent.
 */
import * as Match from "@letletme/fpl/match/Match"
import * as Season from "@letletme/fpl/season/Season"
import * as Standing from "@letletme/fpl/standing/Standing"
import { Schema } from "effect"

/** What a tier holds of a key, and why it counts or does not. */
export const Explained = Schema.Struct({
  key: Schema.String,
  storeKey: Schema.String,
  tier: Schema.Literals(["near", "store", "none"]),
  state: Schema.Literals(["fresh", "expired", "invalidated", "missing", "corrupt"]),
  because: Schema.String,
  position: Schema.Finite,
  entry: Schema.NullOr(
    Schema.Struct({
      stamp: Schema.Finite,
      absent: Schema.Boolean,
      /** Epoch milliseconds. */
      createdAt: Schema.Finite,
      freshUntil: Schema.Finite,
      expiresAt: Schema.Finite,
      bytes: Schema.Finite,
      /** Each with the last position that reached it; 0 is never. */
      tags: Schema.Array(Schema.Struct({ tag: Schema.String, reachedAt: Schema.Finite }))
    })
  ),
  invalidation: Schema.NullOr(
    Schema.Struct({
      tag: Schema.String,
      position: Schema.Finite,
      cause: Schema.NullOr(Schema.String),
      by: Schema.NullOr(Schema.String)
    })
  )
}).annotate({ identifier: "Explained" })

/** Keys of the store, in their order. */
export const Entries = Schema.Struct({
  keys: Schema.Array(Schema.String),
  /** How many there are of this domain. */
  total: Schema.Int
}).annotate({ identifier: "Entries" })

/** The season as a fan sees it: where the game is, the table, and the matches of a gameweek. */
export const SeasonNow = Schema.Struct({
  season: Season.Season,
  gameweek: Schema.NullOr(
    Schema.Struct({ id: Schema.Int, name: Schema.String, deadline: Schema.Finite, finished: Schema.Boolean })
  ),
  /** Epoch milliseconds of the next deadline. */
  nextDeadline: Schema.NullOr(Schema.Finite),
  teams: Schema.Array(Schema.Struct({ id: Schema.Int, name: Schema.String, shortName: Schema.String })),
  matches: Schema.Array(Match.Match),
  table: Standing.Standing
}).annotate({ identifier: "SeasonNow" })
