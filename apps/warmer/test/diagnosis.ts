/**
 * What the doctor says of a set-up, and by what a planted misconfiguration is found.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert } from "@effect/vitest"
import { type Advice } from "@letletme/cache"
import { ConfigProvider, Effect, FileSystem, Option } from "effect"
import { randomBytes } from "node:crypto"
import { type Diagnosis, examine } from "@letletme/warmer/doctor/Doctor"

export type Env = Readonly<Record<string, string>>

/** What the doctor says with these variables and no others. */
export const diagnose = (env: Env): Effect.Effect<Diagnosis> =>
  examine({ store: Option.none(), database: Option.none() }).pipe(
    Effect.orDie,
    Effect.provide([NodeFileSystem.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } }))])
  )

export const folder = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  return yield* files.makeTempDirectoryScoped()
}).pipe(Effect.provide(NodeFileSystem.layer))

/** What a planted misconfiguration is found by: each finding says what to do. */
export const found = (
  { findings, skipped }: Diagnosis,
  severity: Advice.Finding["severity"],
  check: string,
  words: RegExp,
  remedy: RegExp
) => {
  const listed = JSON.stringify({ findings, skipped }, null, 2)
  const finding = findings.find((one) => one.check === check && words.test(one.found))
  assert.isDefined(finding, `Nothing of ${check} in ${listed}`)
  assert.strictEqual(finding?.severity, severity)
  assert.match(finding?.remedy ?? "", remedy)
  assert.strictEqual(findings.length, 1, listed)
}

// What a server is run with that does its work well; `rewrite` of a test's own change is undone after it.
export const sound = ["--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "volatile-lru"]

// A machine that is busy with other tests is no finding.
export const patient = { CACHE_STORE_TIMEOUT: "1 second" }

export const key = (id: string) => `${id}:${randomBytes(32).toString("base64")}`
