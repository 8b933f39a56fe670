/**
 * Real data for tests, which the project does not ship: `LETLETME_FPL_DATA`, or `shared/fpl` beside the checkout.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const folder = process.env["LETLETME_FPL_DATA"] ?? join(import.meta.dirname, "../../../../shared/fpl")

/** Whether real data is at hand. Where it is not, the tests that need it say so and are skipped. */
export const hasRealData = existsSync(join(folder, "seasons"))
if (!hasRealData) {
  console.warn(`No real FPL data at ${folder}: tests on real seasons are skipped. Set LETLETME_FPL_DATA to run them.`)
}

const list = (name: string): ReadonlyArray<string> => (hasRealData ? readdirSync(join(folder, name)).toSorted() : [])

export const seasonNames = list("seasons")
export const timelineNames = list("timeline")
export const seasonFolder = (season: string) => join(folder, "seasons", season)
export const timelineFolder = (name: string) => join(folder, "timeline", name)
export const readTable = (season: string): unknown =>
  JSON.parse(readFileSync(join(folder, "tables", `${season}.json`), "utf8"))
