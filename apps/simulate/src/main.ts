/**
 * The simulation's command line.
 */
import { Main } from "@letletme/command"
import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Bites from "./Bites.ts"
import * as Crew from "./Crew.ts"
import { faults } from "./Fault.ts"
import * as Seeds from "./Seeds.ts"

/** A promise was broken, or a fault was not caught, or is not known. What was found is already printed. */
class Violated extends Schema.TaggedError<Violated>()("Violated", { message: Schema.String }) {}

const progress = (total: number, what: string) => {
  let quarter = 0
  return (done: number, bad: number) =>
    Effect.sync(() => {
      const line = `${done} of ${total} ${what}, ${bad} bad`
      if (process.stderr.isTTY) process.stderr.write(done < total ? `\r\u001b[K${line}` : "\r\u001b[K")
      else if (Math.floor((done / total) * 4) > quarter) {
        quarter = Math.floor((done / total) * 4)
        process.stderr.write(`${line}\n`)
      }
    })
}

const print = (json: boolean, document: unknown, lines: () => ReadonlyArray<string>) =>
  Console.log(json ? JSON.stringify(document, null, 2) : lines().join("\n"))

const storyLines = (seed: number, fault: string | undefined, story: Seeds.Summary["story"]): ReadonlyArray<string> =>
  story === undefined
    ? []
    : [
        `The shortest story of seed ${seed} (${story.steps[1]} of ${story.steps[0]} steps), in milliseconds of its time:`,
        ...story.trace,
        `Replay it: npm run simulate -- --seed ${seed}${fault === undefined ? "" : ` --fault ${fault}`}`
      ]

const one = Effect.fnUntraced(function* (seed: number, fault: string | undefined, json: boolean) {
  const story = yield* Effect.scoped(Effect.flatMap(Crew.start({ fault }), (thread) => thread.story(seed)))
  yield* print(json, { seed, ...story }, () => [
    ...(story.violations.length === 0 ? story.trace : storyLines(seed, fault, story)),
    ...(story.violations.length === 0 ? [`Seed ${seed} breaks no promise.`] : [])
  ])
  if (story.violations.length > 0) return yield* new Violated({ message: `Seed ${seed} breaks a promise.` })
})

const many = Effect.fnUntraced(function* (count: number, json: boolean) {
  const summary = yield* Seeds.run({ from: 1, count, onProgress: progress(count, "seeds") })
  const { broken, story } = summary
  yield* print(json, summary, () => [
    ...broken.slice(0, 20).map(({ detail, promise, seed }) => `seed ${seed}: ${promise}: ${detail}`),
    ...storyLines(broken[0]?.seed ?? 0, undefined, story),
    `${summary.seeds} seeds, ${summary.reads} reads judged against ${summary.acknowledged} acknowledgements, ` +
      `${broken.length} seeds broke a promise. ${summary.seedsPerSecond.toFixed(0)} seeds a second.`
  ])
  if (broken.length > 0) return yield* new Violated({ message: `${broken.length} seeds broke a promise.` })
})

const withFaults = Effect.fnUntraced(function* (count: number, only: string | undefined, json: boolean) {
  const chosen = faults.filter(({ name }) => only === undefined || name === only)
  const bites = yield* Bites.run({ from: 1, count, faults: chosen, onProgress: progress(chosen.length, "faults") })
  const missed = bites.filter(({ seeds }) => seeds === undefined)
  const width = Math.max(...bites.map(({ name }) => name.length))
  yield* print(json, { seeds: count, faults: bites }, () => [
    `${"fault".padEnd(width)}  seeds  promise, mistake`,
    ...bites.map(
      ({ mistake, name, promise, seeds }) =>
        `${name.padEnd(width)}  ${String(seeds ?? "—").padStart(5)}  ${promise ?? "NOT CAUGHT"}: ${mistake}`
    ),
    `${bites.length - missed.length} of ${bites.length} faults were caught within ${count} seeds.`
  ])
  if (missed.length > 0) return yield* new Violated({ message: `${missed.length} faults were not caught.` })
})

const positive = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))

const command = Command.make(
  "simulate",
  {
    seeds: Flag.Int("seeds").pipe(
      Flag.withSchema(positive),
      Flag.withDescription("How many seeds are carried out, from 1 on"),
      Flag.withDefault(2_000)
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("Carries out this seed alone, and prints its story; the shortest, if it breaks a promise"),
      Flag.optional
    ),
    faults: Flag.Boolean("faults").pipe(
      Flag.withDescription("Puts each known fault into the code, and tells how many seeds it takes to catch it"),
      Flag.withDefault(false)
    ),
    fault: Flag.String("fault").pipe(
      Flag.withDescription("Only this fault; with --seed, the story of that seed with the fault in it"),
      Flag.optional
    ),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Prints one JSON document"), Flag.withDefault(false))
  },
  Effect.fn(function* ({ fault, faults: bites, json, seed, seeds }) {
    const only = Option.getOrUndefined(fault)
    if (only !== undefined && !faults.some(({ name }) => name === only)) {
      const known = faults.map(({ name }) => name).join(", ")
      return yield* new Violated({ message: `There is no fault "${only}". There are: ${known}.` })
    }
    if (Option.isSome(seed)) return yield* one(seed.value, only, json)
    return yield* bites || only !== undefined ? withFaults(seeds, only, json) : many(seeds, json)
  })
).pipe(Command.withDescription("Runs the cache in a simulated world, and holds it to its promises"))

Main.run(Command.run(command, { version: "0.1.0" }))
