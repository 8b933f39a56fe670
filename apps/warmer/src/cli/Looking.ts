/**
 * The commands that only look.
 */
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { acl } from "../commands/acl.ts"
import { doctor } from "../commands/doctor.ts"
import * as inspect from "../commands/inspect.ts"
import { appWithSeason, key, root } from "./Root.ts"

const tableCommand = Command.make(
  "table",
  {
    scope: Argument.String("scope").pipe(
      Argument.withDescription('"overall", "home", "away", "phase:8" or "asof:28"'),
      Argument.withDefault("overall")
    )
  },
  Effect.fn(function* ({ scope }) {
    const shared = yield* root
    yield* inspect.showTable(scope, shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withDescription("Show the league table"),
  Command.withExamples([
    { command: "warmer table", description: "The table of a simulated season" },
    { command: "warmer table asof:28 --source fpl", description: "As it was after gameweek 28" }
  ])
)

const getCommand = Command.make(
  "get",
  { key },
  Effect.fn(function* (options) {
    const shared = yield* root
    yield* inspect.get(options.key).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withDescription("Show a value, as JSON"),
  Command.withExamples([
    { command: "warmer get match:2030-31:17", description: "A match" },
    { command: "warmer get match:event:2030-31:28:ids", description: "The ids of a list" }
  ])
)

const explainCommand = Command.make(
  "explain",
  { key },
  Effect.fn(function* (options) {
    const shared = yield* root
    yield* inspect.explain(options.key, shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withDescription("Tell why an entry is fresh, stale or absent"),
  Command.withExamples([
    { command: "warmer explain standing:2030-31:overall", description: "Tags and positions in full" }
  ])
)

const graphCommand = Command.make(
  "graph",
  {},
  Effect.fn(function* () {
    const { json } = yield* root
    yield* inspect.showGraph(json)
  })
).pipe(
  Command.withDescription("Show the dependency graph, as Mermaid text, and what each domain's update reaches"),
  Command.withExamples([{ command: "warmer graph", description: "For a README" }])
)

const aclCommand = Command.make(
  "acl",
  {},
  Effect.fn(function* () {
    const { json } = yield* root
    yield* acl(json)
  })
).pipe(
  Command.withDescription("Print what the cache's user must be permitted in Redis, and nothing more"),
  Command.withExamples([{ command: "warmer acl", description: "A command for redis-cli, but for the password" }])
)

const doctorCommand = Command.make(
  "doctor",
  {},
  Effect.fn(function* () {
    yield* doctor(yield* root)
  })
).pipe(
  Command.withDescription(
    "Look for what is set up wrong, and say what to do about it: variables, time-outs, keys, database, and of Redis the version, role, memory policy, persistence, replicas, slots, TLS, latency, clock, permissions and namespace. Exit code 1: there is an error; warnings alone are 0"
  ),
  Command.withShortDescription("Look for what is set up wrong, and say what to do about it"),
  Command.withExamples([
    { command: "warmer doctor --store redis://localhost:6379", description: "Before the first start" },
    { command: "warmer doctor --json", description: "In CI, with the variables of production" }
  ])
)

export const commands = [doctorCommand, tableCommand, getCommand, explainCommand, graphCommand, aclCommand] as const
