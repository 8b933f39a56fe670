import { assert, describe, it } from "@effect/vitest"
import { Policy } from "@letletme/cache"
import { Duration } from "effect"

const defaults = { timeToLive: { metadata: 3_000, derived: 2_000, temporary: 1_000 }, lookupTimeout: 500 }
const hour = 3_600_000
interface Match {
  readonly live: boolean
}
const resolve = (policy: Policy.Policy<Match>) => Policy.resolve(policy, defaults)
const live: Match = { live: true }
const over: Match = { live: false }

describe("Policy.resolve", () => {
  for (const [strategy, timeToLive] of [
    ["metadata", 3_000],
    ["derived", 2_000],
    ["temporary", 1_000]
  ] as const) {
    it(`takes the length of ${strategy} from the settings`, () => {
      assert.deepStrictEqual(resolve({ timeToLive: strategy }).lifetime(live, 0), { timeToLive, grace: hour })
    })
  }

  it("fills in every default", () => {
    const { lifetime, ...rest } = resolve({ timeToLive: "metadata" })
    assert.deepStrictEqual(rest, {
      staleWhileRevalidate: "expired",
      staleIfUnavailable: "expired",
      refreshAhead: undefined,
      jitter: 0.1,
      lookupTimeout: 500,
      nearTimeToLive: undefined,
      softTimeout: undefined
    })
    assert.deepStrictEqual(lifetime(undefined, 0), { timeToLive: 1_000, grace: hour })
  })

  it("keeps what is stated, converted once to milliseconds", () => {
    const { lifetime, ...rest } = resolve({
      timeToLive: "90 seconds",
      grace: Duration.minutes(2),
      absentTimeToLive: "5 seconds",
      staleWhileRevalidate: "none",
      staleIfUnavailable: "invalidated",
      refreshAhead: 0.8,
      jitter: 0,
      lookupTimeout: "2 seconds",
      nearTimeToLive: "10 seconds",
      softTimeout: "1 second"
    })
    assert.deepStrictEqual(rest, {
      staleWhileRevalidate: "none",
      staleIfUnavailable: "invalidated",
      refreshAhead: 0.8,
      jitter: 0,
      lookupTimeout: 2_000,
      nearTimeToLive: 10_000,
      softTimeout: 1_000
    })
    assert.deepStrictEqual(lifetime(live, 0), { timeToLive: 90_000, grace: 120_000 })
    assert.deepStrictEqual(lifetime(undefined, 0), { timeToLive: 5_000, grace: 120_000 })
  })

  it("lets a value shorten its time to live, never lengthen it", () => {
    const policy = resolve({ timeToLive: "metadata", adaptive: (match) => (match.live ? 200 : "1 day") })
    assert.strictEqual(policy.lifetime(live, 0).timeToLive, 200)
    assert.strictEqual(policy.lifetime(over, 0).timeToLive, 3_000)
  })

  it("lets the time at which a value is stored shorten it: until a deadline, say", () => {
    const policy = resolve({ timeToLive: "metadata", adaptive: (_, now) => 1_000 - now })
    assert.strictEqual(policy.lifetime(live, 900).timeToLive, 100)
    assert.strictEqual(policy.lifetime(live, 1_100).timeToLive, 0)
  })

  it("computes a grace from the value; what does not exist has none then", () => {
    const policy = resolve({ timeToLive: "metadata", grace: (match) => (match.live ? 0 : "1 minute") })
    assert.strictEqual(policy.lifetime(live, 0).grace, 0)
    assert.strictEqual(policy.lifetime(over, 0).grace, 60_000)
    assert.strictEqual(policy.lifetime(undefined, 0).grace, 0)
  })

  it("believes an absence no longer than a value", () => {
    const policy = resolve({ timeToLive: 100, absentTimeToLive: "1 hour" })
    assert.strictEqual(policy.lifetime(undefined, 0).timeToLive, 100)
  })

  it("makes a negative length none", () => {
    const policy = resolve({ timeToLive: "metadata", adaptive: () => -5, grace: -1 })
    assert.deepStrictEqual(policy.lifetime(live, 0), { timeToLive: 0, grace: 0 })
  })
})
