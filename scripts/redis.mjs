/**
 * Finds a redis-server for the tests, or fetches one.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fromApt, install, works } from "./install.mjs"
import { root } from "./setup.mjs"

const onPath = () => ["redis-server", "valkey-server"].filter((name) => works(name, "--version")).slice(0, 1)

const image = "redis:8-alpine"
const folder = join(root, ".letletme", "redis")

/** The program with its libraries and its loader, out of the image. */
const pack =
  "p=$(command -v redis-server) && mkdir /tmp/redis && " +
  'cp -L $p $(ldd $p | grep -o "/[^ )]*" | sort -u) /tmp/redis && tar -cf - -C /tmp/redis .'

/**
 * The image's program, run on this machine by the image's own loader. Tests kill, stop and restart their servers, and
 * a signal to `docker run` reaches Docker's client, not the server.
 */
const fromDocker = async () => {
  if (process.platform !== "linux") return []
  if (!existsSync(folder)) {
    if (!works("docker", "info")) return []
    const partial = `${folder}.${process.pid}`
    mkdirSync(partial, { recursive: true })
    const copy = `docker run --rm ${image} sh -c '${pack}' | tar -xf - --no-same-owner -C "$0"`
    const copied = await install("redis-server", `the Docker image ${image}`, "sh", "-c", copy, partial)
    if (copied && !existsSync(folder)) renameSync(partial, folder)
    rmSync(partial, { recursive: true, force: true })
  }
  const loader = existsSync(folder) ? readdirSync(folder).find((name) => name.startsWith("ld-")) : undefined
  if (loader === undefined) return []
  const command = [join(folder, loader), "--library-path", folder, join(folder, "redis-server")]
  return works(...command, "--version") ? command : []
}

const aptRedis = async () => ((await fromApt("redis-server")) ? onPath() : [])

const fromBrew = async () =>
  works("brew", "--version") && (await install("redis-server", "brew", "brew", "install", "redis")) ? onPath() : []

/** The command that runs a server, as a JSON array: what LETLETME_REDIS_SERVER holds for the tests. */
export const redisServer = async () => {
  if (process.env.LETLETME_REDIS_SERVER) return process.env.LETLETME_REDIS_SERVER
  for (const find of [onPath, fromDocker, aptRedis, fromBrew]) {
    const command = await find()
    if (command.length > 0) return JSON.stringify(command)
  }
  console.error(
    "The tests need a real Redis, and none could be found or installed.\n" +
      "Install redis-server or valkey-server (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis),\n" +
      'or start Docker, or set LETLETME_REDIS_SERVER to a JSON array such as ["/opt/redis/bin/redis-server"].'
  )
  process.exit(1)
}
