/**
 * How long a domain's values live, and what may be served when they no longer do.
 */
import { Duration } from "effect"

/**
 * The strategies for time to live. Their lengths come from `CacheConfig`: by default 30 days for metadata (what the
 * source states), 24 hours for derived data (what is computed), one minute for temporary data.
 */
export type Strategy = "metadata" | "derived" | "temporary"

/**
 * Which values that are no longer fresh may be served: none; those whose time to live ended; or also those that were
 * invalidated, or that cannot be checked because the log is out of reach.
 */
export type StaleReach = "none" | "expired" | "invalidated"

/** A length of time, or one computed from the value (adaptive caching). */
export type Lifetime<A> = Duration.Input | ((value: A) => Duration.Input)

/** A domain's policy. */
export interface Policy<A> {
  /** A strategy's length. It is also the cap of {@link adaptive}. */
  readonly timeToLive: Strategy | Duration.Input
  /**
   * A shorter time to live computed from the value, such as seconds while a match is live, and from the time at which it
   * is stored (epoch ms), such as the rest until a deadline.
   */
  readonly adaptive?: ((value: A, now: number) => Duration.Input) | undefined
  /** How much longer an expired entry is kept, to be served while the source is slow or away. Default: one hour. */
  readonly grace?: Lifetime<A> | undefined
  /** How long "does not exist" is believed. Default: the temporary strategy. */
  readonly absentTimeToLive?: Duration.Input | undefined
  /** What is answered at once while one fiber refreshes it. Default: `"expired"`. */
  readonly staleWhileRevalidate?: StaleReach | undefined
  /** What is answered when the lookup fails. Default: `"expired"`. */
  readonly staleIfUnavailable?: StaleReach | undefined
  /** Refresh in the background once this share of the time to live has passed (0 to 1). Default: never. */
  readonly refreshAhead?: number | undefined
  /** Shorten each time to live by up to this share at random, so that entries do not expire together. Default: 0.1. */
  readonly jitter?: number | undefined
  /** How long a lookup may take before it is interrupted. Default: `CacheConfig.lookupTimeout`. */
  readonly lookupTimeout?: Duration.Input | undefined
  /**
   * How long the process goes by the copy in its memory before it reads the store again, where a shared entry may be
   * replaced without an invalidation. Default: as long as the entry is fresh.
   */
  readonly nearTimeToLive?: Duration.Input | undefined
  /**
   * How long a caller waits for a lookup where {@link staleIfUnavailable} has something to answer. Then that is answered,
   * and the load goes on for those who come later. Default: until the lookup is done, or failed.
   */
  readonly softTimeout?: Duration.Input | undefined
}

/** The lengths of the strategies in milliseconds. */
export interface StrategyLengths {
  readonly metadata: number
  readonly derived: number
  readonly temporary: number
}

/** A policy with every default filled in, in milliseconds. */
export interface Resolved<A> {
  /** Time to live and grace of a value stored now (epoch ms); `undefined` means "does not exist". */
  readonly lifetime: (value: A | undefined, now: number) => { readonly timeToLive: number; readonly grace: number }
  readonly staleWhileRevalidate: StaleReach
  readonly staleIfUnavailable: StaleReach
  readonly refreshAhead: number | undefined
  readonly jitter: number
  readonly lookupTimeout: number
  readonly nearTimeToLive: number | undefined
  readonly softTimeout: number | undefined
}

const millis = (input: Duration.Input): number =>
  Math.max(0, Math.round(Duration.toMillis(Duration.fromInputUnsafe(input))))

const isStrategy = (input: Strategy | Duration.Input): input is Strategy =>
  input === "metadata" || input === "derived" || input === "temporary"

/** Fills in the defaults, whose `lookupTimeout` is in milliseconds, and converts every duration once. */
export const resolve = <A>(
  policy: Policy<A>,
  defaults: { readonly timeToLive: StrategyLengths; readonly lookupTimeout: number }
): Resolved<A> => {
  /** How long it takes now: the lengths of the strategies may change while the process runs. */
  const lengthOf = (stated: Strategy | Duration.Input): (() => number) => {
    if (isStrategy(stated)) return () => defaults.timeToLive[stated]
    const fixed = millis(stated)
    return () => fixed
  }
  const capOf = lengthOf(policy.timeToLive)
  const absentOf = lengthOf(policy.absentTimeToLive ?? "temporary")
  const { adaptive, grace = Duration.hours(1) } = policy
  const fixedGrace = typeof grace === "function" ? undefined : millis(grace)
  return {
    lifetime: (value, now) => {
      const cap = capOf()
      if (value === undefined) return { timeToLive: Math.min(absentOf(), cap), grace: fixedGrace ?? 0 }
      return {
        timeToLive: adaptive === undefined ? cap : Math.min(cap, millis(adaptive(value, now))),
        grace: fixedGrace ?? (typeof grace === "function" ? millis(grace(value)) : 0)
      }
    },
    staleWhileRevalidate: policy.staleWhileRevalidate ?? "expired",
    staleIfUnavailable: policy.staleIfUnavailable ?? "expired",
    refreshAhead: policy.refreshAhead,
    jitter: policy.jitter ?? 0.1,
    lookupTimeout: policy.lookupTimeout === undefined ? defaults.lookupTimeout : millis(policy.lookupTimeout),
    nearTimeToLive: policy.nearTimeToLive === undefined ? undefined : millis(policy.nearTimeToLive),
    softTimeout: policy.softTimeout === undefined ? undefined : millis(policy.softTimeout)
  }
}
