/**
 * What every suite caches: a match of about 700 bytes of JSON, and which of many is asked for next.
 */
import { Schema } from "effect"

export const Match = Schema.Struct({
  id: Schema.Int,
  season: Schema.String,
  event: Schema.Int,
  home: Schema.Struct({ id: Schema.Int, name: Schema.String, code: Schema.String, strength: Schema.Int }),
  away: Schema.Struct({ id: Schema.Int, name: Schema.String, code: Schema.String, strength: Schema.Int }),
  kickoff: Schema.String,
  homeScore: Schema.NullOr(Schema.Int),
  awayScore: Schema.NullOr(Schema.Int),
  isFinished: Schema.Boolean,
  minutes: Schema.Int,
  stats: Schema.Array(Schema.Struct({ player: Schema.Int, kind: Schema.String, value: Schema.Int }))
})
export type Match = typeof Match.Type

const kinds = ["goals_scored", "assists", "yellow_cards", "saves", "bonus", "bps"]

/** A match by its number; its JSON has 680 to 720 bytes. */
export const matchOf = (id: number): Match => ({
  id,
  season: "2030-31",
  event: (id % 38) + 1,
  home: { id: id % 20, name: "Wolverhampton Wanderers", code: "WOL", strength: 3 },
  away: { id: (id + 7) % 20, name: "Brighton and Hove Albion", code: "BHA", strength: 4 },
  kickoff: "2030-08-17T14:00:00Z",
  homeScore: id % 5,
  awayScore: id % 3,
  isFinished: true,
  minutes: 90,
  stats: Array.from({ length: 9 }, (_, index) => ({
    player: (id * 13 + index * 101) % 700,
    kind: kinds[index % kinds.length] ?? "bps",
    value: (id + index) % 10
  }))
})

/** A generator of numbers between 0 and 1 that begins anew with every seed (mulberry32). */
export const random = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const drawn = 1 << 16

/** Which of `count` is asked for next, all alike. */
export const uniform = (count: number): (() => number) => {
  const next = random(1)
  return ring(Array.from({ length: drawn }, () => Math.floor(next() * count)))
}

/** Which of `count` is asked for next, the few popular ones most of the time: Zipf's law with the exponent 0.99. */
export const zipf = (count: number): (() => number) => {
  const sums: Array<number> = []
  let total = 0
  for (let rank = 1; rank <= count; rank++) sums.push((total += 1 / rank ** 0.99))
  const next = random(2)
  const find = (target: number) => {
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] ?? 0) < target) low = middle + 1
      else high = middle
    }
    return low
  }
  // Popular ones are spread over the ids.
  return ring(Array.from({ length: drawn }, () => (find(next() * total) * 7_919) % count))
}

const ring = (indices: ReadonlyArray<number>) => {
  const array = Int32Array.from(indices)
  let at = 0
  return () => {
    at = (at + 1) & (drawn - 1)
    return array[at] ?? 0
  }
}
