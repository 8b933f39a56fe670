/**
 * Installs what the workspace needs, with nothing but Node and npm at hand.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..")
const modules = join(root, "node_modules")
const stampFile = join(modules, ".letletme-install")
const lock = join(root, ".letletme", "install.lock")

const staleAfter = 10 * 60_000
const attempts = 3

const fingerprint = () => {
  const hash = createHash("sha256")
  for (const name of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"])
    hash.update(readFileSync(join(root, name)))
  return hash.digest("hex")
}

const isInstalled = () => existsSync(stampFile) && readFileSync(stampFile, "utf8") === fingerprint()

/** Runs a command quietly; what it printed is shown only where it failed. */
const quietly = (command, args) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, CI: "true" }
    })
    let output = ""
    child.stdout.on("data", (data) => (output += data))
    child.stderr.on("data", (data) => (output += data))
    child.on("error", (error) => resolve({ code: 1, output: error.message }))
    child.on("close", (code) => resolve({ code: code ?? 1, output }))
  })

/** Lets one command at a time install; the others wait for it. */
const withLock = async (work) => {
  mkdirSync(join(root, ".letletme"), { recursive: true })
  for (;;) {
    try {
      mkdirSync(lock)
      break
    } catch {
      try {
        if (Date.now() - statSync(lock).mtimeMs > staleAfter) rmSync(lock, { recursive: true, force: true })
      } catch {
        // The lock was given back in between: the next try takes it.
      }
      await sleep(250)
    }
  }
  const release = () => rmSync(lock, { recursive: true, force: true })
  process.once("exit", release)
  try {
    return await work()
  } finally {
    process.off("exit", release)
    release()
  }
}

/** Installs the frozen lockfile with the pinned pnpm, unless that was done already. Talks on standard error only. */
export const setup = async () => {
  if (isInstalled()) return
  await withLock(async () => {
    if (isInstalled()) return
    const pnpm = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager
    console.error(`Installing with ${pnpm} (once; about half a minute) …`)
    let last
    for (let attempt = 1; attempt <= attempts; attempt++) {
      last = await quietly("npx", ["--yes", pnpm, "install", "--frozen-lockfile"])
      if (last.code === 0) {
        writeFileSync(stampFile, fingerprint())
        return
      }
    }
    console.error(last.output)
    console.error(`The installation failed ${attempts} times. Check the network and the npm registry, and try again.`)
    process.exit(1)
  })
}
