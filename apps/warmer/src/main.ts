/**
 * The warmer: command line and daemon.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { RecordedSource } from "@letletme/fpl"
import { Cause, Effect, Exit, Layer, Logger, Option } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import * as App from "./App.ts"
import { acl } from "./commands/acl.ts"
import { backup, refuseMemory, restore } from "./commands/backup.ts"
import * as inspect from "./commands/inspect.ts"
import { replay } from "./commands/replay.ts"
import { rotate } from "./commands/rotate.ts"
import { run } from "./commands/run.ts"
import { verify } from "./commands/verify.ts"
import { warm } from "./commands/warm.ts"
import { placeOf } from "./Database.ts"
import { Failed } from "./Output.ts"
import { flags, type Shared, storeOf } from "./Settings.ts"
import * as Source from "./Source.ts"

const root = Command.make("warmer").pipe(
  Command.withSharedFlags(flags),
  Command.withDescription("Keeps a cache of Fantasy Premier League data warm, and lets you look into it")
)

/** Provides a command with the caches over the store and the source that its flags name. */
const withApp = Effect.fnUntraced(function* (shared: Shared) {
  const store = yield* storeOf(shared.store)
  return App.layerWithSeason(shared, store, yield* placeOf(shared.database), Source.layer(shared))
})

const key = Argument.String("key").pipe(
  Argument.withDescription("A key, such as match:2030-31:17, match:event:2030-31:28:ids or standing:2030-31:overall")
)

const file = Argument.String("file").pipe(Argument.withDescription("A path, such as season.backup"))

const commands = [
  Command.make(
    "run",
    {
      every: Flag.Finite("every").pipe(
        Flag.withDescription(
          "Seconds between two polls of the source (default: 2 for the simulation, else as the season's life goes)"
        ),
        Flag.optional
      ),
      port: Flag.Int("port").pipe(
        Flag.withDescription("The port of /health/live, /health/ready and /metrics; 0 takes a free one"),
        Flag.withDefault(8787)
      ),
      speed: Flag.Finite("speed").pipe(
        Flag.withDescription("How much faster than life the simulated season is played"),
        Flag.withDefault(Source.defaultSimulation.speed)
      ),
      seed: Flag.Int("seed").pipe(
        Flag.withDescription("Which simulated season is played"),
        Flag.withDefault(Source.defaultSimulation.seed)
      ),
      lease: Flag.Finite("lease").pipe(
        Flag.withDescription("Seconds after which another warmer takes over from one that died"),
        Flag.withDefault(5)
      ),
      stopWithin: Flag.Finite("stop-within").pipe(
        Flag.withDescription("Seconds that it has to stop in; then it is ended with exit code 124"),
        Flag.withDefault(10)
      ),
      maintenance: Flag.String("maintenance").pipe(
        Flag.withDescription('When leftovers are cleaned up, as cron, such as "0 4 * * *" (default: never)'),
        Flag.optional
      ),
      monitor: Flag.Finite("monitor").pipe(
        Flag.withDescription("Seconds between two samples of the consistency monitor (default: none are taken)"),
        Flag.optional
      )
    },
    Effect.fn(function* (options) {
      const shared = yield* root
      return yield* run(shared, options)
    })
  ).pipe(
    Command.withDescription("Poll the source, update, cascade, warm again, and serve health and metrics, until stopped")
  ),

  Command.make(
    "warm",
    {
      once: Flag.Boolean("once").pipe(
        Flag.withDescription("Warm once and end (`run` keeps warm)"),
        Flag.withDefault(true)
      )
    },
    Effect.fn(function* () {
      const shared = yield* root
      const app = App.layer(shared, yield* storeOf(shared.store), yield* placeOf(shared.database), Source.layer(shared))
      yield* warm(shared.json).pipe(Effect.provide(app))
    })
  ).pipe(Command.withDescription("Load an empty cache, or verify one and reload what is invalid")),

  Command.make(
    "replay",
    { folder: Argument.String("dir").pipe(Argument.withDescription("A folder of recorded snapshots")) },
    Effect.fn(function* ({ folder }) {
      const shared = yield* root
      const recorded = yield* RecordedSource.list(folder, {
        season: Option.getOrUndefined(shared.season)
      })
      const [first] = recorded
      if (first === undefined) return yield* new Failed({ message: `${folder} holds no snapshot.` })
      const app = App.layer(
        shared,
        yield* storeOf(shared.store),
        yield* placeOf(shared.database),
        RecordedSource.layerReplay(first.season)
      )
      return yield* replay(recorded, shared.json).pipe(Effect.provide(app))
    })
  ).pipe(
    Command.withDescription("Replay recorded snapshots in order, and tell what each changed, invalidated and reloaded")
  ),

  Command.make(
    "table",
    {
      scope: Argument.String("scope").pipe(
        Argument.withDescription('"overall", "home", "away", "phase:8" or "asof:28"'),
        Argument.withDefault("overall")
      )
    },
    Effect.fn(function* ({ scope }) {
      const shared = yield* root
      yield* inspect.showTable(scope, shared.json).pipe(Effect.provide(yield* withApp(shared)))
    })
  ).pipe(Command.withDescription("Show the league table")),

  Command.make(
    "get",
    { key },
    Effect.fn(function* (options) {
      const shared = yield* root
      yield* inspect.get(options.key).pipe(Effect.provide(yield* withApp(shared)))
    })
  ).pipe(Command.withDescription("Show a value, as JSON")),

  Command.make(
    "explain",
    { key },
    Effect.fn(function* (options) {
      const shared = yield* root
      yield* inspect.explain(options.key, shared.json).pipe(Effect.provide(yield* withApp(shared)))
    })
  ).pipe(Command.withDescription("Tell why an entry is fresh, stale or absent")),

  Command.make(
    "graph",
    {},
    Effect.fn(function* () {
      const { json } = yield* root
      yield* inspect.showGraph(json)
    })
  ).pipe(Command.withDescription("Show the dependency graph, as Mermaid text, and what each domain's update reaches")),

  Command.make(
    "verify",
    {
      repair: Flag.Boolean("repair").pipe(
        Flag.withDescription("Mend what is not right, and look again"),
        Flag.withDefault(false)
      )
    },
    Effect.fn(function* ({ repair }) {
      const shared = yield* root
      yield* verify({ repair, json: shared.json }).pipe(Effect.provide(yield* withApp(shared)))
    })
  ).pipe(
    Command.withDescription(
      "Look at every entry (checksum, schema, stamp, tags, and its content beside the source) and at every key of the namespace. Exit code 0: all of it is right; with --repair: it is now. 1: it is not, or could not be looked at"
    ),
    Command.withExamples([
      { command: "warmer verify --store redis://localhost:6379", description: "Look, and change nothing" },
      { command: "warmer verify --repair --json", description: "Mend, prove it, and answer with one JSON document" }
    ])
  ),

  Command.make(
    "backup",
    { file },
    Effect.fn(function* (options) {
      const shared = yield* root
      yield* refuseMemory(yield* storeOf(shared.store))
      yield* backup(options.file, shared.json).pipe(Effect.provide(yield* withApp(shared)))
    })
  ).pipe(
    Command.withDescription(
      "Write every entry of the store to a compressed, checksummed file. Exit code 0: the file is whole; 1: there is none"
    ),
    Command.withExamples([
      { command: "warmer backup season.backup --store redis://localhost:6379", description: "Write a file" }
    ])
  ),

  Command.make(
    "restore",
    { file },
    Effect.fn(function* (options) {
      const shared = yield* root
      yield* refuseMemory(yield* storeOf(shared.store))
      yield* restore(options.file, shared.json).pipe(Effect.provide(yield* withApp(shared)))
    })
  ).pipe(
    Command.withDescription(
      "Put the entries of a file back, compare them with the source, and mend what differs. Exit code 0: everything is right; 1: the file is damaged, or not everything could be verified"
    ),
    Command.withExamples([
      { command: "warmer restore season.backup --store redis://localhost:6379", description: "After a loss of Redis" }
    ])
  ),

  Command.make(
    "acl",
    {},
    Effect.fn(function* () {
      const { json } = yield* root
      yield* acl(json)
    })
  ).pipe(Command.withDescription("Print what the cache's user must be permitted in Redis, and nothing more")),

  Command.make(
    "rotate",
    {},
    Effect.fn(function* () {
      const shared = yield* root
      yield* rotate(shared.json).pipe(Effect.provide(yield* withApp(shared)))
    })
  ).pipe(Command.withDescription("Encrypt anew what is under an older key, and delete what cannot be read"))
] as const

let isTerminated = false
process.once("SIGTERM", () => {
  isTerminated = true
})

// Logs go to standard error: standard output is the answer's.
const logger = Layer.merge(
  Logger.layer([process.stderr.isTTY ? Logger.consolePretty() : Logger.withConsoleError(Logger.formatLogFmt)]),
  Layer.succeed(Logger.LogToStderr, true)
)

root.pipe(
  Command.withSubcommands(commands),
  Command.run({ version: "0.1.0" }),
  // The runtime would report on standard output; an expected failure needs its message, not its trace.
  Effect.tapCause((cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.void
      : Option.match(Cause.findErrorOption(cause), {
          onNone: () => Effect.logError("A defect", cause),
          onSome: (error) => (CliError.isCliError(error) ? Effect.void : Effect.logError(error.message))
        })
  ),
  Effect.provide(Layer.merge(NodeServices.layer, logger)),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // A signal's exit code is 128 and its number: process managers tell a stop from a failure by it.
    teardown: (exit, onExit) =>
      onExit(Exit.isSuccess(exit) ? 0 : !Cause.hasInterruptsOnly(exit.cause) ? 1 : isTerminated ? 143 : 130)
  })
)
