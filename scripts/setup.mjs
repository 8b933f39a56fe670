/**
 * Installs what the workspace needs, with nothing but Node and npm at hand.
 */
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { run } from "./command.mjs"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const stamp = join(root, "node_modules", ".letletme-install")
const lock = join(root, ".letletme", "install.lock")
const staleAfter = 10 * 60_000
const attempts = 3

const read = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    if (error.code === "ENOENT") return undefined
    throw error
  }
}

const fingerprint = () => {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`)
  for (const name of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"])
    hash.update(readFileSync(join(root, name)))
  return hash.digest("hex")
}

const isInstalled = () => read(stamp) === fingerprint()

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === "EPERM"
  }
}

/** Whether the process that holds the lock is gone. One on another machine, or in another container, is given time. */
const isStale = () => {
  const [host, pid] = read(lock)?.split(" ") ?? []
  if (host === hostname() && pid) return !isAlive(Number(pid))
  return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > staleAfter
}

/** Takes the lock, or answers false where another command holds it. */
const take = () => {
  mkdirSync(dirname(lock), { recursive: true })
  try {
    writeFileSync(lock, `${hostname()} ${process.pid}`, { flag: "wx" })
    return true
  } catch (error) {
    if (error.code !== "EEXIST") throw error
    if (isStale()) rmSync(lock, { force: true })
    return false
  }
}

/** Lets one command at a time install; the others wait for it. */
const withLock = async (work) => {
  for (let tries = 0; !take(); tries++) {
    if (tries === 4) console.error("Another command is installing; waiting for it …")
    await sleep(250)
  }
  const release = () => rmSync(lock, { force: true })
  process.once("exit", release)
  await work()
  process.off("exit", release)
  release()
}

// Settings of the npm run that started us, or of a production shell, that would silence the installer or make it
// leave out the tools.
const { npm_config_loglevel: _level, NODE_ENV: _mode, ...environment } = process.env

/** Installs the frozen lockfile with the pinned pnpm, unless that was done already. Talks on standard error only. */
export const setup = async () => {
  if (isInstalled()) return
  await withLock(async () => {
    if (isInstalled()) return
    const pnpm = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager
    console.error(`Installing with ${pnpm} (once; about half a minute) …`)
    // What follows may be cut short, and then no older installation is whole either.
    rmSync(stamp, { force: true })
    let outcome
    // The registry sometimes does not find an optional binary at the first request.
    for (let attempt = 1; attempt <= attempts; attempt++) {
      outcome = await run("npx", ["--yes", pnpm, "install", "--frozen-lockfile"], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...environment, CI: "true" }
      })
      if (outcome.interrupted) process.exit(outcome.code || 130)
      if (outcome.code === 0) return writeFileSync(stamp, fingerprint())
    }
    console.error(outcome.output)
    console.error(`The installation failed ${attempts} times. Check the network and the npm registry, and try again.`)
    process.exit(1)
  })
}
