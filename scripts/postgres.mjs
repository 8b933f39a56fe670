/**
 * Finds the programs of a Postgres server for the tests, or fetches them.
 */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fromApt, install, works } from "./install.mjs"

// Debian and Ubuntu keep each version in a folder of its own, off PATH, and so does Homebrew.
const versions = "/usr/lib/postgresql"
const brewed = ["/opt/homebrew", "/usr/local"].map((prefix) => join(prefix, "opt", "postgresql@17", "bin"))

const offPath = () =>
  (existsSync(versions) ? readdirSync(versions) : [])
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(versions, version, "bin"))
    .concat(brewed)
    .find((folder) => works(join(folder, "initdb"), "--version"))

/** The folder of initdb and postgres, empty where they are on PATH; nothing where there are none. */
const find = () => (works("initdb", "--version") && works("postgres", "--version") ? "" : offPath())

/** What LETLETME_POSTGRES_BIN holds for the tests. */
export const postgresPrograms = async () => {
  if (process.env.LETLETME_POSTGRES_BIN) return process.env.LETLETME_POSTGRES_BIN
  const found = find()
  if (found !== undefined) return found
  if (await fromApt("postgresql")) return find() ?? ""
  if (works("brew", "--version") && (await install("postgresql", "brew", "brew", "install", "postgresql@17"))) {
    return find() ?? ""
  }
  console.error(
    "The tests need a real Postgres, and none could be found or installed.\n" +
      "Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql),\n" +
      "or set LETLETME_POSTGRES_BIN to the folder of initdb and postgres."
  )
  process.exit(1)
}
