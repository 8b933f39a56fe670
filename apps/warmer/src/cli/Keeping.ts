/**
 * The commands that change what is kept: they load, verify, mend, and bring it to a file and back.
 */
import { RecordedSource } from "@letletme/fpl"
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as App from "../App.ts"
import { backup, refuseMemory, restore } from "../commands/backup.ts"
import { replay } from "../commands/replay.ts"
import { rotate } from "../commands/rotate.ts"
import { run } from "../commands/run.ts"
import { verify } from "../commands/verify.ts"
import { warm } from "../commands/warm.ts"
import { placeOf } from "../Database.ts"
import { Failed } from "../Output.ts"
import { storeOf } from "../Settings.ts"
import * as Source from "../Source.ts"
import { appOf, appWithSeason, file, root } from "./Root.ts"

const runCommand = Command.make(
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
    rotationRate: Flag.Finite("rotation-rate").pipe(
      Flag.withDescription("Entries a second that are looked at, at most, to bring them under a new encryption key"),
      Flag.withDefault(500)
    ),
    maintenance: Flag.String("maintenance").pipe(
      Flag.withDescription('When leftovers are cleaned up, as cron, such as "0 4 * * *" (default: never)'),
      Flag.optional
    ),
    settings: Flag.String("settings").pipe(
      Flag.withDescription("A file of NAME=value lines beside the environment, read again on SIGHUP"),
      Flag.optional
    ),
    backupOnStop: Flag.String("backup-on-stop").pipe(
      Flag.withDescription("A file to back the entries up to when it is stopped"),
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
  Command.withDescription("Poll the source, update, cascade, warm again, and serve health and metrics, until stopped"),
  Command.withExamples([
    { command: "warmer run", description: "Play a simulated season, and keep it warm in memory" },
    {
      command: "warmer run --source fpl --store redis://localhost:6379",
      description: "The season that is on, in Redis"
    }
  ])
)

const warmCommand = Command.make(
  "warm",
  {
    once: Flag.Boolean("once").pipe(
      Flag.withDescription("Warm once and end (`run` keeps warm)"),
      Flag.withDefault(true)
    )
  },
  Effect.fn(function* () {
    const shared = yield* root
    yield* warm(shared.json).pipe(Effect.provide(yield* appOf(shared)))
  })
).pipe(
  Command.withDescription("Load an empty cache, or verify one and reload what is invalid"),
  Command.withExamples([
    { command: "warmer warm --store redis://localhost:6379", description: "Warm what others read" }
  ])
)

const replayCommand = Command.make(
  "replay",
  { folder: Argument.Directory("dir").pipe(Argument.withDescription("A folder of recorded snapshots")) },
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
  Command.withDescription("Replay recorded snapshots in order, and tell what each changed, invalidated and reloaded"),
  Command.withExamples([
    { command: "warmer replay recordings/2025-26 --json", description: "What each snapshot of a folder changed" }
  ])
)

const verifyCommand = Command.make(
  "verify",
  {
    repair: Flag.Boolean("repair").pipe(
      Flag.withDescription("Mend what is not right, and look again"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ repair }) {
    const shared = yield* root
    yield* verify({ repair, json: shared.json }).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withShortDescription("Compare every entry with the source, and look at every key; --repair mends"),
  Command.withDescription(
    "Look at every entry (checksum, schema, stamp, tags, and its content beside the source) and at every key of the namespace. Exit code 0: all of it is right; with --repair: it is now. 1: it is not, or could not be looked at"
  ),
  Command.withExamples([
    { command: "warmer verify --store redis://localhost:6379", description: "Look, and change nothing" },
    { command: "warmer verify --repair --json", description: "Mend, prove it, and answer with one JSON document" }
  ])
)

const backupCommand = Command.make(
  "backup",
  { file },
  Effect.fn(function* (options) {
    const shared = yield* root
    yield* refuseMemory(yield* storeOf(shared.store))
    yield* backup(options.file, shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withShortDescription("Write every entry of the store to a compressed, checksummed file"),
  Command.withDescription(
    "Write every entry of the store to a compressed, checksummed file. Exit code 0: the file is whole; 1: there is none"
  ),
  Command.withExamples([
    { command: "warmer backup season.backup --store redis://localhost:6379", description: "Write a file" }
  ])
)

const restoreCommand = Command.make(
  "restore",
  { file },
  Effect.fn(function* (options) {
    const shared = yield* root
    yield* refuseMemory(yield* storeOf(shared.store))
    yield* restore(options.file, shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withShortDescription("Put the entries of a file back, and verify them"),
  Command.withDescription(
    "Put the entries of a file back, compare them with the source, and mend what differs. Exit code 0: everything is right; 1: the file is damaged, or not everything could be verified"
  ),
  Command.withExamples([
    { command: "warmer restore season.backup --store redis://localhost:6379", description: "After a loss of Redis" }
  ])
)

const rotateCommand = Command.make(
  "rotate",
  {},
  Effect.fn(function* () {
    const shared = yield* root
    yield* rotate(shared.json).pipe(Effect.provide(yield* appWithSeason(shared)))
  })
).pipe(
  Command.withDescription("Encrypt anew what is under an older key, and delete what cannot be read"),
  Command.withExamples([
    { command: "warmer rotate --store redis://localhost:6379", description: "After a new key became the first one" }
  ])
)

export const commands = [
  runCommand,
  warmCommand,
  replayCommand,
  verifyCommand,
  backupCommand,
  restoreCommand,
  rotateCommand
] as const
