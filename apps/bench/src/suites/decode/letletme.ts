/** From the bytes of an entry to its value: checks of header and body, JSON, the schema. */
import { Codec, Entry, Tag } from "@letletme/cache"
import { Effect, Result } from "effect"
import { main, repeat } from "../../contest/Contestant.ts"
import { Match, matchOf } from "../Data.ts"

main(() =>
  Effect.sync(() => {
    const codec = Codec.make(Match)
    const now = Date.now()
    const sealed = Array.from({ length: 1_000 }, (_, id) => {
      const key = Tag.of("match", `${id}`)
      const header: Entry.Header = {
        createdAt: now,
        freshUntil: now + 1_000,
        expiresAt: now + 2_000,
        revision: Entry.noRevision,
        absent: false,
        announced: false,
        tags: [key, Tag.of("match", "team", `${id % 20}`), Tag.of("match", "team", `${(id + 7) % 20}`)]
      }
      const bytes = Entry.seal(now * 1_000, Entry.body(header, Result.getOrThrow(codec.encode(matchOf(id)))))
      return { key, bytes: Buffer.from(bytes) }
    })
    return {
      decode: repeat(sealed.length, () => {
        for (const { bytes, key } of sealed) {
          const value = Result.flatMap(Entry.unseal(key, bytes), ({ payload }) => codec.decode(payload))
          if (Result.isFailure(value)) throw new Error(value.failure)
        }
      })
    }
  })
)
