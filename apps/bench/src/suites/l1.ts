/**
 * Hits in memory, one after the other: values that every cache has at hand, read in a fiber or by awaiting.
 */
import { Effect } from "effect"
import { type Contestant, run } from "../contest/Contest.ts"
import { compare, type Findings, rowsOf } from "../contest/Findings.ts"

const contestants: ReadonlyArray<Contestant> = [
  { name: "LetLetMe", module: "l1/letletme" },
  { name: "LetLetMe, observed", module: "l1/observed", isExtra: true },
  { name: "Effect Cache", module: "l1/effectCache" },
  { name: "bentocache", module: "l1/bentocache" },
  { name: "cacheable", module: "l1/cacheable", isExtra: true },
  { name: "cache-manager", module: "l1/cacheManager", isExtra: true },
  { name: "async-cache-dedupe", module: "l1/asyncCacheDedupe", isExtra: true },
  { name: "lru-cache", module: "l1/lruCache" }
]

export const l1 = Effect.gen(function* () {
  const rounds = yield* run(contestants, [
    {
      task: "get",
      contestants: [
        "LetLetMe",
        "LetLetMe, observed",
        "Effect Cache",
        "bentocache",
        "cacheable",
        "cache-manager",
        "lru-cache"
      ]
    },
    { task: "getOrLoad", contestants: ["LetLetMe", "bentocache", "cacheable", "cache-manager", "async-cache-dedupe"] },
    { task: "get, serialized", contestants: ["bentocache"] },
    { task: "get in a fiber", contestants: ["lru-cache"] },
    { task: "plain", contestants: ["LetLetMe"] },
    { task: "tagged", contestants: ["LetLetMe"] },
    { task: "plain, busy log", contestants: ["LetLetMe"] },
    { task: "tagged, busy log", contestants: ["LetLetMe"] }
  ])
  const ours = (task: string) => ["LetLetMe", task] as const
  const findings: Findings = {
    suite: "l1",
    rounds: rounds.length,
    rows: rowsOf(rounds),
    ratios: [
      ...compare(rounds, "l1.effectCache", ours("get"), [["Effect Cache", "get"]], { atLeast: 2 }),
      ...compare(rounds, "l1.bentocache", ours("get"), [["bentocache", "get"]], { atLeast: 8 }),
      ...compare(rounds, "l1.lruCache", ours("get"), [["lru-cache", "get"]], { atLeast: 0.25 }),
      // Metrics and traces cost a hit at most a tenth.
      ...compare(rounds, "l1.observed", ["LetLetMe, observed", "get"], [ours("get")], { atLeast: 0.9 }),
      ...compare(rounds, "l1.lruCacheInFiber", ours("get"), [["lru-cache", "get in a fiber"]]),
      ...compare(rounds, "l1.cacheable", ours("get"), [["cacheable", "get"]]),
      ...compare(rounds, "l1.cacheManager", ours("get"), [["cache-manager", "get"]]),
      ...compare(rounds, "l1.getOrLoad.bentocache", ours("getOrLoad"), [["bentocache", "getOrLoad"]]),
      ...compare(rounds, "l1.getOrLoad.asyncCacheDedupe", ours("getOrLoad"), [["async-cache-dedupe", "getOrLoad"]]),
      ...compare(rounds, "l1.taggedShare", ours("tagged"), [ours("plain")]),
      ...compare(rounds, "l1.taggedShare.busyLog", ours("tagged, busy log"), [ours("plain, busy log")])
    ]
  }
  return findings
})
