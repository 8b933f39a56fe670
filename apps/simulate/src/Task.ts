/**
 * What goes between the command and its threads.
 */
import { Schema } from "effect"

/** What a thread is started with. */
export const Setup = Schema.Struct({ fault: Schema.UndefinedOr(Schema.String) })
export type Setup = typeof Setup.Type

/** What a thread is asked. */
export const Task = Schema.TaggedUnion({
  Run: { from: Schema.Int, count: Schema.Int, stopsAtFirst: Schema.Boolean },
  Story: { seed: Schema.Int }
})
export type Task = typeof Task.Type

const Violation = { promise: Schema.String, detail: Schema.String }

/** What came of a number of seeds. */
export const Ran = Schema.TaggedStruct("Ran", {
  seeds: Schema.Int,
  reads: Schema.Int,
  acknowledged: Schema.Int,
  broken: Schema.Array(Schema.Struct({ seed: Schema.Int, ...Violation }))
})
export type Ran = typeof Ran.Type

/** The shortest story found of a seed that breaks a promise, or its whole story if it breaks none. */
export const Story = Schema.TaggedStruct("Story", {
  violations: Schema.Array(Schema.Struct(Violation)),
  /** Steps of the plan before and after it was made shorter. */
  steps: Schema.Tuple([Schema.Int, Schema.Int]),
  trace: Schema.Array(Schema.String)
})
export type Story = typeof Story.Type
