/**
 * The packages as others install them: packed, checked, and used in an empty folder, over several versions of Node.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { spawn, spawnSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { root } from "./setup.mjs"

const packages = ["redis", "cache"]
const nodes = ["22.19.0", "24.21.0", "26.10.0"]

/** Most bytes of what is imported, minified, without its dependencies: what grows past them grew on purpose. */
const sizes = [
  { what: "all of the cache", source: 'export * from "@letletme/cache"', most: 200_000 },
  { what: "one module of it", source: 'export { Tag } from "@letletme/cache"', most: 6_000 },
  { what: "all of the client", source: 'export * from "@letletme/redis"', most: 40_000 }
]

const say = (text) => console.error(`▸ ${text}`)

class Failure extends Error {}

/** Runs a command to its end, and answers what it printed. */
const call = (command, args, options = {}) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 300_000, ...options })
  if (status === 0) return stdout
  throw new Failure(`${command} ${args.join(" ")} failed:\n${error?.message ?? ""}${stdout}${stderr}`)
}

/** The first program of the README, as it stands there. */
const example = () => {
  const [, code] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, "README.md"), "utf8")) ?? []
  if (code === undefined) throw new Failure("README.md has no example in TypeScript.")
  return code
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

const pack = (folder) => {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  for (const name of packages) {
    const cwd = join(root, "packages", name)
    call("npx", ["-y", packageManager, "pack", "--pack-destination", folder], { cwd })
  }
  return readdirSync(folder)
    .filter((file) => file.endsWith(".tgz"))
    .map((file) => join(folder, file))
}

/** What is imported of the packages, bundled without what they depend on. */
const measure = async (folder) => {
  const { build } = await import("esbuild")
  for (const { most, source, what } of sizes) {
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: folder },
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node22",
      external: ["effect", "effect/*", "ioredis", "cluster-key-slot", "@effect/*"]
    })
    const bytes = outputFiles[0]?.contents.length ?? 0
    say(`${what}: ${bytes} bytes, at most ${most}`)
    if (bytes > most)
      throw new Failure(`${what} has ${bytes} bytes. If that is on purpose, raise the limit in scripts/packed.mjs.`)
  }
}

/** Checks all of it. `redisServer` is the command of a server, as JSON. */
export const packed = async (redisServer) => {
  const folder = mkdtempSync(join(tmpdir(), "letletme-packed-"))
  let redis
  try {
    say("packing")
    const tarballs = pack(folder)
    for (const tarball of tarballs) {
      call("publint", ["run", tarball, "--strict"])
      call("attw", [tarball, "--profile", "esm-only"])
    }
    say("publint and attw have nothing to say")

    const app = join(folder, "app")
    mkdirSync(app)
    const catalog = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8")
    const versionOf = (name) => new RegExp(`^ {2}"?${name}"?: (\\S+)$`, "m").exec(catalog)?.[1] ?? "latest"
    writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }))
    const wanted = ["effect", "typescript", "@types/node"].map((name) => `${name}@${versionOf(name)}`)
    call("npm", ["install", "--no-audit", "--no-fund", ...tarballs, ...wanted], { cwd: app })
    const code = example()
    writeFileSync(join(app, "memory.ts"), code)
    const swapped = code.replace("Effect.provide(inMemory)", "Effect.provide(inRedis)")
    if (swapped === code) throw new Failure("The README's example does not provide `inMemory`.")
    writeFileSync(join(app, "redis.ts"), swapped)
    const flags = ["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024", "--types", "node"]
    call(join(app, "node_modules", ".bin", "tsc"), [...flags, "--outDir", "out", "memory.ts", "redis.ts"], { cwd: app })
    say("the README's first example compiles in an empty folder, by tsc --strict")

    const port = await freePort()
    const [command, ...args] = JSON.parse(redisServer)
    redis = spawn(command, [...args, "--port", `${port}`, "--save", "", "--dir", folder], { stdio: "ignore" })
    await sleep(500)
    for (const version of nodes) {
      call("npm", ["install", "--no-audit", "--no-fund", "--no-save", `node@${version}`], { cwd: app })
      const node = join(app, "node_modules", ".bin", "node")
      const env = { ...process.env, REDIS_PORT: `${port}` }
      for (const where of ["memory", "redis"]) {
        const printed = call(node, [join("out", `${where}.js`)], { cwd: app, env, timeout: 30_000 })
        if (!printed.includes("17")) throw new Failure(`Over ${where}, on Node ${version}, it printed: ${printed}`)
      }
      say(`it runs over memory and over Redis on Node ${version}`)
    }
    await measure(app)
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
