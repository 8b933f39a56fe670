/**
 * Runs a task of the workspace, and sets up before it whatever is missing: `node scripts/run.mjs <task> [arguments]`.
 */
import { spawn } from "node:child_process"
import { delimiter, join } from "node:path"
import { redisServer } from "./redis.mjs"
import { root, setup } from "./setup.mjs"

const oldest = 20
if (Number(process.versions.node.split(".")[0]) < oldest) {
  console.error(`Node ${oldest} or newer is needed to start; this is ${process.version}. See https://nodejs.org.`)
  process.exit(1)
}

const bin = join(root, "node_modules", ".bin")
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` }

let signalled = false

/** Runs a command in the foreground and answers its exit code. */
const run = (command, args, options = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit", ...options })
    // A terminal sends Ctrl-C to the whole group, so the child has it already; a SIGTERM is ours to pass on.
    const wait = () => {
      signalled = true
    }
    const pass = () => {
      signalled = true
      child.kill("SIGTERM")
    }
    process.on("SIGINT", wait)
    process.on("SIGTERM", pass)
    child.on("error", (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.on("close", (code, signal) => {
      process.off("SIGINT", wait)
      process.off("SIGTERM", pass)
      resolve(code ?? (signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 1))
    })
  })

/** Runs every step, also after one failed, and says which did. */
const runAll = async (steps) => {
  const failed = []
  for (const [name, command, ...args] of steps) {
    console.error(`\n▸ ${name}`)
    if ((await run(command, args)) !== 0) failed.push(name)
    if (signalled) break
  }
  console.error(failed.length === 0 ? `\nAll ${steps.length} checks passed.` : `\nFailed: ${failed.join(", ")}.`)
  return failed.length === 0 ? 0 : 1
}

const warmer = (args, cwd) =>
  run("node", ["--conditions=@letletme/source", join(root, "apps", "warmer", "src", "main.ts"), ...args], { cwd })

const tasks = {
  start: (args) => warmer(["run", ...args], process.env.INIT_CWD ?? root),
  warmer: (args) => warmer(args, process.env.INIT_CWD ?? root),
  test: async (args) => {
    env.LETLETME_REDIS_SERVER = redisServer()
    const code = await run("vitest", ["run", ...args])
    // Arguments choose among vitest's tests; the type tests run with all of them.
    return code !== 0 || args.length > 0 ? code : run("tstyche", [])
  },
  check: () =>
    runAll([
      ["format", "oxfmt", "--check", "."],
      ["types", "tsc", "-b"],
      ["lint", "oxlint", "--type-aware", "--deny-warnings"],
      ["unused code", "knip"]
    ]),
  format: () => run("oxfmt", ["."])
}

const [name = "", ...args] = process.argv.slice(2)
const task = tasks[name]
if (task === undefined) {
  console.error(`There is no task "${name}". Tasks: ${Object.keys(tasks).join(", ")}.`)
  process.exit(2)
}
await setup()
process.exit(await task(args))
