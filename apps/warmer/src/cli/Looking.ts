/**
 * The commands that only look.
 */
import { Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { acl } from "../commands/acl.ts"
import { refuseMemory } from "../commands/backup.ts"
import { diff } from "../commands/diff.ts"
import { doctor } from "../commands/doctor.ts"
import { formats, showGraph } from "../commands/graph.ts"
import * as Read from "../commands/read.ts"
import { inspect } from "../commands/inspect.ts"
import { storeOf } from "../Settings.ts"
import { top } from "../top/Top.ts"
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
    yield* Read.showTable(scope, shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
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
    yield* Read.get(options.key).pipe(Effect.provide(yield* appWithSeason(shared)))
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
    yield* Read.explain(options.key, shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withDescription("Tell why an entry is fresh, stale or absent"),
  Command.withExamples([
    { command: "warmer explain standing:2030-31:overall", description: "Tags and positions in full" }
  ])
)

const Address = Schema.String.check(
  Schema.makeFilter(
    (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? "") || "Expected a URL such as http://127.0.0.1:8787"
  )
)

const topCommand = Command.make(
  "top",
  {
    at: Flag.String("at").pipe(
      Flag.withSchema(Address),
      Flag.withDescription("Where the warmer listens"),
      Flag.withDefault("http://127.0.0.1:8787")
    )
  },
  Effect.fn(function* ({ at }) {
    const { json } = yield* root
    yield* top(at, json)
  })
).pipe(
  Command.withDescription(
    "Watch a running warmer: health, hit rates, log and lag, hottest keys, memory. It ends with q, Escape or Ctrl-C. In a pipe it answers once, as text"
  ),
  Command.withShortDescription("Watch a running warmer: health, hit rates, log, hottest keys, memory"),
  Command.withExamples([
    { command: "warmer top", description: "A live screen" },
    { command: "warmer top --at http://127.0.0.1:8788 --json", description: "Once, for a machine" }
  ])
)

const inspectCommand = Command.make(
  "inspect",
  {
    key: Argument.String("key").pipe(
      Argument.withDescription("A key, such as match:2030-31:17, or a pattern, such as match:2030-31:*")
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withSchema(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 10_000 })))),
      Flag.withDescription("How many entries of a pattern are listed"),
      Flag.withDefault(20)
    )
  },
  Effect.fn(function* ({ key: text, limit }) {
    const shared = yield* root
    yield* refuseMemory(yield* storeOf(shared.store))
    const options = { json: shared.json, limit }
    yield* inspect(text, options).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withDescription("Show what the store holds: an entry with its value, or those of a pattern"),
  Command.withExamples([
    { command: "warmer inspect standing:2030-31:overall", description: "One entry: times, stamp, tags, value" },
    { command: 'warmer inspect "match:2030-31:*" --limit 50', description: "State, size and age of many" }
  ])
)

const diffCommand = Command.make(
  "diff",
  {
    key: Argument.String("key").pipe(
      Argument.withDescription("A key or a pattern, such as match:2030-31:* (default: every entry)"),
      Argument.optional
    )
  },
  Effect.fn(function* ({ key: text }) {
    const shared = yield* root
    yield* refuseMemory(yield* storeOf(shared.store))
    yield* diff(text, shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withDescription(
    "Compare what readers are answered with the source, and tell each field that differs. It changes nothing. Exit code 1: something differs"
  ),
  Command.withShortDescription("Compare what readers are answered with the source, field by field"),
  Command.withExamples([
    { command: "warmer diff --source fpl --store redis://localhost:6379", description: "Every entry" },
    { command: 'warmer diff "standing:*" --json', description: "The tables" }
  ])
)

const graphCommand = Command.make(
  "graph",
  {
    format: Flag.Literals("format", formats).pipe(
      Flag.withDescription("The graph alone, in this format; dot is for Graphviz"),
      Flag.optional
    )
  },
  Effect.fn(function* ({ format }) {
    const { json } = yield* root
    yield* showGraph(json, format)
  })
).pipe(
  Command.withDescription("Show the dependency graph, as Mermaid text, and what each domain's update reaches"),
  Command.withExamples([
    { command: "warmer graph --format mermaid", description: "For a README" },
    { command: "warmer graph --format svg > graph.svg", description: "For a browser" },
    { command: "warmer graph --format dot | dot -Tpng -o graph.png", description: "For Graphviz" }
  ])
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

export const commands = [
  topCommand,
  doctorCommand,
  tableCommand,
  getCommand,
  explainCommand,
  inspectCommand,
  diffCommand,
  graphCommand,
  aclCommand
] as const
