/**
 * The packages that are published: whether others can import what is packed, and how large it is.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./command.mjs"
import { root } from "./setup.mjs"

const manifest = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

/** The folders of the packages that are published. */
export const published = readdirSync(join(root, "packages")).filter(
  (name) => !manifest(join(root, "packages", name)).private
)

/** Most bytes of what is imported, minified, without its dependencies: what grows past them grew on purpose. */
const sizes = [
  { what: "all of the cache", source: 'export * from "@letletme/cache"', most: 200_000 },
  { what: "one module of it", source: 'export { Tag } from "@letletme/cache"', most: 6_000 },
  { what: "all of the client", source: 'export * from "@letletme/redis"', most: 40_000 }
]

const call = async (command, args, cwd = root) => {
  const { code, output } = await run(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] })
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${output}`)
}

/** Packs a package into a folder of its own there, and answers the tarball. */
export const pack = async (name, folder) => {
  const destination = mkdtempSync(join(folder, `${name}-`))
  await call(
    "npx",
    ["-y", manifest(root).packageManager, "pack", "--pack-destination", destination],
    join(root, "packages", name)
  )
  return join(destination, ...readdirSync(destination))
}

const lint = async (name, folder) => {
  const tarball = await pack(name, folder)
  await call("publint", ["run", tarball, "--strict"])
  await call("attw", [tarball, "--profile", "esm-only"])
}

/** What is imported of a package, bundled without what it depends on. */
const measure = async ({ most, source, what }) => {
  // Before the workspace is set up there is no such package.
  const { build } = await import("esbuild")
  const { outputFiles } = await build({
    // Whatever depends on all of them.
    stdin: { contents: source, resolveDir: join(root, "apps", "warmer") },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node22",
    external: ["effect", "effect/*", "ioredis", "cluster-key-slot", "@effect/*"]
  })
  const bytes = outputFiles[0]?.contents.length ?? 0
  console.log(`${what}: ${bytes} bytes, at most ${most}`)
  if (bytes > most)
    throw new Error(`${what} has ${bytes} bytes. If that is on purpose, raise the limit in scripts/packages.mjs.`)
}

/** Checks all of it, once `tsc -b` has built it. */
const check = async () => {
  const folder = mkdtempSync(join(tmpdir(), "letletme-packages-"))
  try {
    await Promise.all([...published.map((name) => lint(name, folder)), ...sizes.map(measure)])
    console.log(`publint and attw have nothing to say of ${published.join(", ")}`)
    return 0
  } catch (error) {
    console.error(error.message)
    return 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) process.exit(await check())
