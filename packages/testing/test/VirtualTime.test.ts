import { assert, describe, it } from "@effect/vitest"
import { VirtualTime } from "@letletme/testing"
import { Clock, Effect, Random } from "effect"

/** Two machines that say what they do, when. */
const world = () => {
  const time = VirtualTime.make()
  const told: Array<string> = []
  const tell = (what: string) => Effect.sync(() => void told.push(`${time.now()} ${what}`))
  const machine = (seed: number, skew = 0) => time.machine({ seed, skew })
  const run = () => time.run({ until: () => false, limit: 10_000 })
  return { time, told, tell, machine, run }
}

describe("VirtualTime", () => {
  it("runs timers in the order of their times, and of their making", () => {
    const { machine, run, tell, told } = world()
    const one = machine(1)
    one.start(Effect.andThen(Effect.sleep(20), tell("late")))
    one.start(Effect.andThen(Effect.sleep(10), tell("early")))
    one.start(Effect.andThen(Effect.sleep(10), tell("early too")))
    assert.strictEqual(run(), "idle")
    assert.deepStrictEqual(told, ["10 early", "10 early too", "20 late"])
  })

  it("lets nothing of a machine run after it crashed, not even a finalizer", () => {
    const { machine, run, tell, time, told } = world()
    const one = machine(1)
    one.start(Effect.sleep(20).pipe(Effect.andThen(tell("done")), Effect.ensuring(tell("finalized"))))
    time.after(10, one.crash)
    run()
    assert.deepStrictEqual(told, [])
    assert.isFalse(one.isAlive())
  })

  it("does what came due during a pause when it is over, in order", () => {
    const { machine, run, tell, time, told } = world()
    const one = machine(1)
    one.start(Effect.andThen(Effect.sleep(10), tell("first")))
    one.start(Effect.andThen(Effect.sleep(15), tell("second")))
    time.after(5, one.pause)
    time.after(30, one.resume)
    run()
    assert.deepStrictEqual(told, ["30 first", "30 second"])
  })

  it("gives each machine a clock of its own, which may jump", () => {
    const { machine, run, time } = world()
    const [one, two] = [machine(1), machine(2, 500)]
    const seen: Array<number> = []
    const look = Effect.map(Clock.currentTimeMillis, (now) => void seen.push(now - VirtualTime.epoch))
    one.start(Effect.andThen(Effect.sleep(100), look))
    two.start(Effect.andThen(Effect.sleep(200), look))
    time.after(150, () => two.shiftClock(1_000))
    run()
    assert.deepStrictEqual(seen, [100, 1_700])
  })

  it("stops at the limit, and when it is told that it is over", () => {
    const { machine, tell, time, told } = world()
    machine(1).start(Effect.forever(Effect.andThen(Effect.sleep(10), tell("again"))))
    assert.strictEqual(time.run({ until: () => told.length === 3, limit: 1_000 }), "over")
    assert.strictEqual(time.run({ until: () => false, limit: 95 }), "limit")
    assert.strictEqual(told.length, 9)
  })

  it("draws the same chances from the same seed", () => {
    const draw = (seed: number) => {
      const { machine, run } = world()
      const drawn: Array<number> = []
      machine(seed).start(Effect.map(Random.next, (number) => void drawn.push(number)))
      run()
      return drawn
    }
    assert.deepStrictEqual(draw(7), draw(7))
    assert.notDeepEqual(draw(7), draw(8))
  })
})
