/**
 * A read as a description: what it finds is found when it runs, as often as it runs.
 *
 * In `Effect.gen` a value at hand is answered where it is asked for, without a turn of the fiber's run loop, which costs
 * several times what the near cache does.
 */
import { Effect, Effectable, Exit } from "effect"
import { SingleShotGen } from "effect/Utils"
import type { DomainCounts } from "../CacheMetrics.ts"

/** What answers the reads of a domain. */
export interface Answering<Id, A, E, R> {
  /** The value, if it is at hand for the fiber that runs; `undefined` if it takes more to find. */
  readonly atHand: (id: Id) => A | undefined
  readonly otherwise: (id: Id) => Effect.Effect<A, E, R>
  readonly counts: Pick<DomainCounts, "nearHits">
}

// After as many answers at hand the run loop gets its turn, or a loop of reads would never let other fibers run.
const inARow = 1_024

export class Reading<Id, A, E, R> extends Effectable.Class<A, E, R> {
  readonly id: Id
  readonly answering: Answering<Id, A, E, R>

  constructor(id: Id, answering: Answering<Id, A, E, R>) {
    super()
    this.id = id
    this.answering = answering
  }

  asEffect(): Effect.Effect<A, E, R> {
    const value = this.answering.atHand(this.id)
    return value === undefined ? this.answering.otherwise(this.id) : Exit.succeed(value)
  }

  override [Symbol.iterator](): Effect.EffectIterator<Effect.Effect<A, E, R>> {
    const { atHand, counts, otherwise } = this.answering
    if ((counts.nearHits + 1) % inARow === 0) return new SingleShotGen(Effect.andThen(Effect.yieldNow, this))
    const value = atHand(this.id)
    return value === undefined ? new SingleShotGen(otherwise(this.id)) : new Answered(value)
  }
}

/** An iterator that is done before it begins. */
class Answered<A> {
  readonly value: A
  readonly done = true

  constructor(value: A) {
    this.value = value
  }

  next(): this {
    return this
  }
}
