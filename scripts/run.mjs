/**
 * Runs a task of the workspace, and sets up before it whatever is missing: `node scripts/run.mjs <task> [arguments]`.
 */
import { delimiter, join } from "node:path"
import { pathToFileURL } from "node:url"
import { chromium } from "./chromium.mjs"
import { run } from "./command.mjs"
import { packed } from "./packed.mjs"
import { postgresPrograms } from "./postgres.mjs"
import { redisServer } from "./redis.mjs"
import { root, setup } from "./setup.mjs"

const oldest = 20
if (Number(process.versions.node.split(".")[0]) < oldest) {
  console.error(`Node ${oldest} or newer is needed to start; this is ${process.version}. See https://nodejs.org.`)
  process.exit(1)
}

const bin = join(root, "node_modules", ".bin")
const env = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`,
  // The type tests need the compiler in JavaScript, which the lockfile has: they would fetch one otherwise.
  TSTYCHE_TYPESCRIPT_MODULE: pathToFileURL(join(root, "node_modules", "typescript-6", "lib", "typescript.js")).href
}

/** Runs a command of the workspace in the foreground. */
const foreground = (command, args, cwd = root) => run(command, args, { cwd, env, stdio: "inherit" })

/** Runs every step, also after one failed, and says which did. */
const runAll = async (steps) => {
  const failed = []
  for (const [name, command, ...args] of steps) {
    console.error(`\n▸ ${name}`)
    const { code, interrupted } = await foreground(command, args)
    if (interrupted) return code || 130
    if (code !== 0) failed.push(name)
  }
  console.error(failed.length === 0 ? `\nAll ${steps.length} checks passed.` : `\nFailed: ${failed.join(", ")}.`)
  return failed.length === 0 ? 0 : 1
}

const app = async (name, args, entry = "main.ts") => {
  const main = join(root, "apps", name, "src", entry)
  const command = ["--conditions=@letletme/source", main, ...args]
  // Paths among the arguments are meant from where the command was typed.
  return (await foreground("node", command, process.env.INIT_CWD ?? process.cwd())).code
}

/** An app that starts servers of its own. */
const appWithRedis = (name, entry) => async (args) => {
  env.LETLETME_REDIS_SERVER = await redisServer()
  return app(name, args, entry)
}

/** What the packages export, by the declarations of what is there now. */
const surface = async (command) => {
  const { code } = await foreground("tsc", ["-b"])
  return code === 0 ? (await foreground("node", [join("scripts", "surface.mjs"), command])).code : code
}

const types = async () => (await foreground("tstyche", [])).code

const test = async (args) => {
  env.LETLETME_REDIS_SERVER = await redisServer()
  env.LETLETME_POSTGRES_BIN = await postgresPrograms()
  const { code, interrupted } = await foreground("vitest", ["run", ...args])
  // Arguments choose among vitest's tests; the type tests run with all of them.
  return code !== 0 || interrupted || args.length > 0 ? code : types()
}

/** The suites and the chaos run, over each way in which Redis servers stand to one another. */
const topologies = async (args) => {
  env.LETLETME_REDIS_SERVER = await redisServer()
  const suites = ["CacheManager", "Events", "FuzzedEntries", "Reads", "Warmer"].map((name) => `test/${name}.test.ts`)
  const main = join(root, "apps", "chaos", "src", "main.ts")
  const over = (topology) => {
    const vitest = ["vitest", "run", "--project", "cache", ...suites]
    return [`consistency, ${topology}`, "env", `LETLETME_TOPOLOGY=${topology}`, ...vitest]
  }
  const chaos = (topology) => {
    const flags = ["--topology", topology, ...(args.length > 0 ? args : ["--minutes", "3"])]
    return [`chaos, ${topology}`, "node", "--conditions=@letletme/source", main, ...flags]
  }
  return runAll([
    ["store, log and strong reads", "vitest", "run", "Topologies"],
    ...["sentinel", "cluster"].map(over),
    ...["standalone", "sentinel", "cluster"].map(chaos)
  ])
}

const tasks = {
  start: (args) => {
    // What was published outlives the process, without a server: PGlite, in a folder of the checkout.
    env.DATABASE_URL ??= join(root, ".letletme", "database")
    return app("warmer", ["run", ...args])
  },
  warmer: (args) => app("warmer", args),
  api: (args) => app("api", args),
  bench: appWithRedis("bench"),
  simulate: (args) => app("simulate", args),
  soak: appWithRedis("warmer", join("processes", "soak.ts")),
  chaos: appWithRedis("chaos"),
  crash: async (args) => {
    env.LETLETME_POSTGRES_BIN = await postgresPrograms()
    return appWithRedis("crash")(args)
  },
  test,
  "test:topologies": topologies,
  "test:browser": async (args) => {
    env.LETLETME_REDIS_SERVER = await redisServer()
    env.LETLETME_CHROMIUM = await chromium()
    return (await foreground("vitest", ["run", "--config", "vitest.browser.config.ts", ...args])).code
  },
  "test:packed": async () => {
    const { code } = await foreground("tsc", ["-b", "packages/redis", "packages/cache"])
    if (code !== 0) return code
    process.env.PATH = env.PATH
    return packed(await redisServer())
  },
  screenshots: async () => {
    env.LETLETME_CHROMIUM = await chromium()
    const script = join(root, "apps", "dashboard", "test", "screenshots.ts")
    return (await foreground("node", ["--conditions=@letletme/source", script])).code
  },
  types,
  check: () =>
    runAll([
      ["format", "oxfmt", "--check", "."],
      ["types", "tsc", "-b"],
      ["lint", "oxlint", "--type-aware", "--deny-warnings"],
      ["examples", "node", "scripts/examples.mjs"],
      ["words", "node", "scripts/words.mjs"],
      ["unused code", "knip"],
      ["packages", "node", join("scripts", "packages.mjs")],
      ["surface and docstrings", "node", join("scripts", "surface.mjs"), "check"]
    ]),
  "api:accept": () => surface("accept"),
  "docs:api": () => surface("reference"),
  changeset: async (args) => (await foreground("changeset", args)).code,
  format: async () => (await foreground("oxfmt", ["."])).code
}

const [name = "", ...args] = process.argv.slice(2)
if (!Object.hasOwn(tasks, name)) {
  console.error(`There is no task "${name}". Tasks: ${Object.keys(tasks).join(", ")}.`)
  process.exit(2)
}
await setup()
process.exit(await tasks[name](args))
