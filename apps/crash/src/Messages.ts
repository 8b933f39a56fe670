/**
 * What the processes under test and their coordinator tell each other, over the channel that Node gives a child.
 */
import { Schema } from "effect"
import { Operation } from "./Model.ts"

/** Where the data is: a server for many processes, or a folder for one at a time. */
export const Database = Schema.TaggedUnion({
  Postgres: { url: Schema.String },
  Embedded: { directory: Schema.String }
})
export type Database = typeof Database.Type

/** What may be broken on purpose, to see that it is found. */
export const Mistake = Schema.Literals(["none", "relay"])
export type Mistake = typeof Mistake.Type

/** What a process is started with. */
export const Assignment = Schema.Struct({
  /** Its name: another one for each life. */
  name: Schema.NonEmptyString,
  /** Which of how many it is: each changes entities of its own. */
  place: Schema.Int,
  places: Schema.Int,
  seed: Schema.Int,
  /** Where Redis is, on loopback. */
  redis: Schema.Int,
  database: Database,
  mistake: Mistake
})
export type Assignment = typeof Assignment.Type

export const ToWorker = Schema.TaggedUnion({
  /** To change things, one after the other, from a mark on. */
  Work: { firstMark: Schema.Int, updates: Schema.Boolean, publications: Schema.Boolean },
  /** To end what is under way, and begin nothing more. */
  Rest: {},
  /** To wait for the relay, and to compare what is cached with the database; the log is read from a position on. */
  Judge: { from: Schema.Int }
})
export type ToWorker = typeof ToWorker.Type

/** What a process found. Times are milliseconds since it was ready or, if that is later, since it was asked. */
export const Findings = Schema.Struct({
  /** Until nothing was pending; null if that was waited for in vain. */
  caughtUp: Schema.NullOr(Schema.Finite),
  /** Until everything cached was as the database has it; null if it never was. */
  agreed: Schema.NullOr(Schema.Finite),
  differences: Schema.Array(Schema.String),
  /** How many values were compared, and how many of them had to be loaded. */
  compared: Schema.Int,
  loaded: Schema.Int,
  /** By entity, the mark that its row shows. */
  marks: Schema.Record(Schema.String, Schema.Int),
  /** By cause, how often the log has it. */
  appended: Schema.Record(Schema.String, Schema.Int),
  /** The log's head. */
  position: Schema.Int
})
export type Findings = typeof Findings.Type

export const FromWorker = Schema.TaggedUnion({
  /** At work; so many announcements were left behind by whoever was there before. */
  Ready: { pending: Schema.Int },
  Begun: { operation: Operation },
  /** It is committed; `isAnnounced` says whether it is in the log too. */
  Acknowledged: { mark: Schema.Int, isAnnounced: Schema.Boolean },
  /** It was not made, as far as the process knows. */
  Failed: { mark: Schema.Int, because: Schema.String },
  Resting: {},
  Judged: { findings: Findings },
  Defect: { text: Schema.String }
})
export type FromWorker = typeof FromWorker.Type
