/**
 * The commands that have a running warmer do something.
 */
import { Tag } from "@letletme/cache"
import { Config, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Cause } from "../admin/AdminApi.ts"
import { act } from "../commands/admin/act.ts"
import * as ask from "../commands/admin/ask.ts"
import { log } from "../commands/admin/log.ts"
import { problems } from "../Recoveries.ts"
import { SettingError } from "../Settings.ts"
import { root } from "./Root.ts"

const usual = "http://localhost:8787"

const parent = Command.make("admin").pipe(
  Command.withSharedFlags({
    url: Flag.String("url").pipe(
      Flag.withDescription(`Where the warmer's server is (default: LETLETME_ADMIN_URL, else ${usual})`),
      Flag.optional
    )
  })
)

const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Where to ask. What goes over a network in plain text is read on the way: the token must not. */
const options = Effect.gen(function* () {
  const { json } = yield* root
  const stated = yield* parent
  const text = Option.isSome(stated.url)
    ? stated.url.value
    : Option.getOrElse(yield* Config.option(Config.String("LETLETME_ADMIN_URL")), () => usual)
  const url = URL.parse(text)
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return yield* new SettingError({ message: `--url: expected an address such as ${usual}` })
  }
  if (url.protocol === "http:" && !loopback.test(url.hostname)) {
    const message = `--url: over plain HTTP everybody on the way reads the token. Use https, or a tunnel: ssh -L 8787:localhost:8787 ${url.hostname}`
    return yield* new SettingError({ message })
  }
  return { url, json }
})

const key = Argument.String("key").pipe(
  Argument.withDescription("A key, such as match:2030-31:17"),
  Argument.withSchema(Tag.Tag)
)

const noWait = {
  wait: Flag.Boolean("wait").pipe(
    Flag.withDescription("Show how far it is, and answer with what it came to"),
    Flag.withDefault(true)
  )
}

/** A command that begins an action, and follows it. */
const action = (name: "warm" | "verify" | "repair" | "rotate", description: string, example: string) =>
  Command.make(
    name,
    noWait,
    Effect.fn(function* ({ wait }) {
      yield* act({ ...(yield* options), wait }, (client) => client[name]({}))
    })
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `warmer admin ${name}`, description: example }])
  )

const invalidateCommand = Command.make(
  "invalidate",
  {
    tags: Argument.String("tag").pipe(
      Argument.withDescription("Tags or patterns, such as team:2030-31:7 or match:event:2030-31:28:*"),
      Argument.withSchema(Tag.Tag),
      Argument.variadic({ min: 1, max: 1_000 })
    ),
    cascade: Flag.Boolean("cascade").pipe(
      Flag.withDescription("Reach what was made from them too, by the graph"),
      Flag.withDefault(true)
    ),
    cause: Flag.String("cause").pipe(
      Flag.withDescription("Why, for the log (default: admin)"),
      Flag.withSchema(Cause),
      Flag.optional
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Tell what it would reach, and change nothing"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* (payload) {
    yield* ask.invalidate(yield* options, payload)
  })
).pipe(
  Command.withDescription("Invalidate tags, and what was made from them"),
  Command.withExamples([
    { command: "warmer admin invalidate team:2030-31:7 --dry-run", description: "How many entries that would reach" },
    { command: 'warmer admin invalidate "match:event:2030-31:28:*" --cause "a wrong result"', description: "A pattern" }
  ])
)

const recoverCommand = Command.make(
  "recover",
  {
    problem: Argument.Literals("problem", problems).pipe(Argument.withDescription("What may be wrong")),
    ...noWait
  },
  Effect.fn(function* ({ problem, wait }) {
    yield* act({ ...(yield* options), wait }, (client) => client.recover({ params: { problem } }))
  })
).pipe(
  Command.withDescription("Look for a problem, and apply remedies until nothing is found"),
  Command.withExamples([{ command: "warmer admin recover connection", description: "After Redis was away" }])
)

const maintenanceCommand = Command.make(
  "maintenance",
  {
    step: Argument.Literals("step", ["begin", "end", "status"]).pipe(
      Argument.withDescription("Open a window, end the one that is open, or show the latest"),
      Argument.withDefault("status" as const)
    ),
    ...noWait
  },
  Effect.fn(function* ({ step, wait }) {
    const where = yield* options
    switch (step) {
      case "begin":
        return yield* act({ ...where, wait }, (client) => client.beginMaintenance({}))
      case "end":
        return yield* ask.endMaintenance(where)
      case "status":
        return yield* ask.maintenance(where)
    }
  })
).pipe(
  Command.withDescription("Mend and remove what is left over, now and not when the schedule says so"),
  Command.withExamples([
    { command: "warmer admin maintenance begin --no-wait", description: "Open a window, and go on" },
    { command: "warmer admin maintenance", description: "What became of it" }
  ])
)

const handOverCommand = Command.make(
  "handover",
  {},
  Effect.fn(function* () {
    yield* ask.handOver(yield* options)
  })
).pipe(
  Command.withDescription("Give the lead to another process"),
  Command.withExamples([{ command: "warmer admin handover", description: "Before the leader is stopped" }])
)

const reloadCommand = Command.make(
  "reload",
  {},
  Effect.fn(function* () {
    yield* ask.reload(yield* options)
  })
).pipe(
  Command.withDescription("Read the settings again, as a SIGHUP does"),
  Command.withExamples([{ command: "warmer admin reload", description: "After the file of settings has changed" }])
)

const explainCommand = Command.make(
  "explain",
  { key },
  Effect.fn(function* (stated) {
    yield* ask.explain(yield* options, stated.key)
  })
).pipe(
  Command.withDescription("Tell why an entry is fresh, stale or absent, by what the warmer sees"),
  Command.withExamples([{ command: "warmer admin explain match:2030-31:17", description: "Tags and positions" }])
)

const logCommand = Command.make(
  "log",
  {
    from: Flag.Int("from").pipe(
      Flag.withDescription("Begin after this position (default: 0, or with --follow now)"),
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
      Flag.optional
    ),
    follow: Flag.Boolean("follow").pipe(
      Flag.withDescription("Go on with what is appended, until Ctrl-C"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ follow, from }) {
    yield* log({ ...(yield* options), follow }, follow ? from : Option.orElseSome(from, () => 0))
  })
).pipe(
  Command.withDescription(
    "Show the invalidation log, a line for each entry; with --json a JSON document on each line. With --follow a connection that is lost is made anew, and nothing is missed"
  ),
  Command.withShortDescription("Show the invalidation log"),
  Command.withExamples([
    { command: "warmer admin log", description: "What the log keeps" },
    { command: "warmer admin log --follow --json | jq .data.cause", description: "Why, as it happens" }
  ])
)

const actionsCommand = Command.make(
  "actions",
  {},
  Effect.fn(function* () {
    yield* ask.actions(yield* options)
  })
).pipe(
  Command.withDescription("Show the latest actions"),
  Command.withExamples([{ command: "warmer admin actions", description: "What is under way, and what is done" }])
)

const auditCommand = Command.make(
  "audit",
  {},
  Effect.fn(function* () {
    yield* ask.audit(yield* options)
  })
).pipe(
  Command.withDescription("Show the latest attempts on the admin API, done or refused"),
  Command.withExamples([{ command: "warmer admin audit", description: "Who did what" }])
)

export const command = parent.pipe(
  Command.withDescription(
    "Have a running warmer do something. LETLETME_ADMIN_TOKEN has to be the token that it was started with. Exit code 0: done, and right; 1: not right, or failed; 2: not understood; 3: the warmer refused, and nothing was done; 4: no warmer answers"
  ),
  Command.withShortDescription("Have a running warmer do something"),
  Command.withExamples([
    { command: "warmer admin invalidate team:2030-31:7 --dry-run", description: "Look before you leap" },
    { command: "warmer admin verify", description: "Look at every entry, beside the source" }
  ]),
  Command.withSubcommands([
    {
      group: "Change",
      commands: [
        invalidateCommand,
        action("warm", "Ask the source, and load what is missing or invalid", "After a long absence of the source"),
        action("repair", "Mend what is not right, and look again", "After verify found something"),
        action("rotate", "Encrypt anew what is under an older key", "After a new key became the first one"),
        recoverCommand,
        maintenanceCommand,
        handOverCommand,
        reloadCommand
      ]
    },
    {
      group: "Look",
      commands: [
        action("verify", "Look at every entry, beside the source", "Is everything right?"),
        explainCommand,
        logCommand,
        actionsCommand,
        auditCommand
      ]
    }
  ])
)
