/**
 * The packages as others install them: packed, and used in an empty folder, over several versions of Node.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { spawn, spawnSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { pack, published } from "./packages.mjs"
import { root } from "./setup.mjs"

const nodes = ["22.19.0", "24.21.0", "26.10.0"]

const say = (text) => console.error(`▸ ${text}`)

class Failure extends Error {}

/** Runs a command to its end, and answers what it printed. */
const call = (command, args, options = {}) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 300_000, ...options })
  if (status === 0) return stdout
  throw new Failure(`${command} ${args.join(" ")} failed:\n${error?.message ?? ""}${stdout}${stderr}`)
}

/** The first program of a README, as it stands there. */
const example = (...path) => {
  const [, code] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, ...path, "README.md"), "utf8")) ?? []
  if (code === undefined) throw new Failure(`${join(...path, "README.md")} has no example in TypeScript.`)
  return code
}

/** The programs to run, and what each prints among other things: the README's over either tier, and each package's own. */
const programs = () => {
  const memory = example()
  const redis = memory.replace("Effect.provide(inMemory)", "Effect.provide(inRedis)")
  if (redis === memory) throw new Failure("The README's example does not provide `inMemory`.")
  const prints = { cache: "17", fpl: "Eastholt 80", redis: "hello", store: "The Arsenal" }
  return [
    { name: "memory", code: memory, prints: "17" },
    { name: "redis", code: redis, prints: "17" },
    ...published.map((name) => ({ name: `of-${name}`, code: example("packages", name), prints: prints[name] }))
  ]
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** Checks all of it. `redisServer` is the command of a server, as JSON. */
export const packed = async (redisServer) => {
  const folder = mkdtempSync(join(tmpdir(), "letletme-packed-"))
  let redis
  try {
    say("packing")
    const tarballs = await Promise.all(published.map((name) => pack(name, folder)))

    const app = join(folder, "app")
    mkdirSync(app)
    const catalog = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8")
    const versionOf = (name) => new RegExp(`^ {2}"?${name}"?: (\\S+)$`, "m").exec(catalog)?.[1] ?? "latest"
    writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }))
    const wanted = ["effect", "typescript", "@types/node"].map((name) => `${name}@${versionOf(name)}`)
    call("npm", ["install", "--no-audit", "--no-fund", ...tarballs, ...wanted], { cwd: app })
    const all = programs()
    for (const { code, name } of all) writeFileSync(join(app, `${name}.ts`), code)
    const flags = ["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024", "--types", "node"]
    const files = all.map(({ name }) => `${name}.ts`)
    call(join(app, "node_modules", ".bin", "tsc"), [...flags, "--outDir", "out", ...files], { cwd: app })
    say("each README's first example compiles in an empty folder, by tsc --strict")

    const port = await freePort()
    const [command, ...args] = JSON.parse(redisServer)
    redis = spawn(command, [...args, "--port", `${port}`, "--save", "", "--dir", folder], { stdio: "ignore" })
    await sleep(500)
    for (const version of nodes) {
      call("npm", ["install", "--no-audit", "--no-fund", "--no-save", `node@${version}`], { cwd: app })
      const node = join(app, "node_modules", ".bin", "node")
      const env = { ...process.env, REDIS_PORT: `${port}` }
      for (const { name, prints } of all) {
        const printed = call(node, [join("out", `${name}.js`)], { cwd: app, env, timeout: 60_000 })
        if (!printed.includes(prints)) throw new Failure(`${name}, on Node ${version}, printed: ${printed}`)
      }
      const ran = call(node, ["--version"], { cwd: app }).trim()
      say(`the README's runs over memory and over Redis, and each package's own runs, on Node ${ran}`)
    }
    return 0
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    console.error(error.message)
    return 1
  } finally {
    redis?.kill("SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  }
}
