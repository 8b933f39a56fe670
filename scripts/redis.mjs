/**
 * Finds a redis-server for the tests, or installs one.
 */
import { spawnSync } from "node:child_process"

const works = (command, args) => spawnSync(command, args, { stdio: "ignore" }).status === 0

const local = () => ["redis-server", "valkey-server"].find((name) => works(name, ["--version"]))

const docker = ["docker", "run", "--rm", "--init", "--network", "host", "redis:8-alpine", "redis-server"]

/** Runs an installer, its output on standard error: standard output is the task's. */
const install = (command, args) => {
  console.error(`Installing redis-server: ${command} ${args.join(" ")}`)
  return (
    spawnSync(command, args, {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }
    }).status === 0
  )
}

const installers = () => {
  const asRoot = process.getuid?.() === 0 ? [] : works("sudo", ["-n", "true"]) ? ["sudo", "-n"] : undefined
  const apt = (...args) => {
    const [command, ...rest] = [...asRoot, "apt-get", ...args]
    return install(command, rest)
  }
  return [
    () =>
      asRoot !== undefined &&
      works("apt-get", ["--version"]) &&
      apt("update", "-q") &&
      apt("install", "-y", "-q", "redis-server"),
    () => works("brew", ["--version"]) && install("brew", ["install", "redis"])
  ]
}

/** The command that runs a server, as an array; the tests read it from LETLETME_REDIS_SERVER. */
export const redisServer = () => {
  if (process.env.LETLETME_REDIS_SERVER) return process.env.LETLETME_REDIS_SERVER
  const found = local()
  if (found) return JSON.stringify([found])
  if (works("docker", ["info"])) return JSON.stringify(docker)
  for (const run of installers()) {
    if (!run()) continue
    const installed = local()
    if (installed) return JSON.stringify([installed])
  }
  console.error(
    "The tests need a real Redis, and none could be found or installed.\n" +
      "Install redis-server or valkey-server (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis),\n" +
      'or start Docker, or set LETLETME_REDIS_SERVER to a JSON array such as ["/opt/redis/bin/redis-server"].'
  )
  process.exit(1)
}
