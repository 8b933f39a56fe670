/** What encryption, compression and both of them cost: from a value to the bytes of its entry, and back. */
import { Cipher, Codec, Entry, KeyRing, Tag } from "@letletme/cache"
import { Effect, Layer, Redacted, Result } from "effect"
import { randomBytes } from "node:crypto"
import { main, repeat, type Tasks } from "../../contest/Contestant.ts"
import { Match, matchOf } from "../Data.ts"

const ring = KeyRing.KeyRing.layerOf([{ id: "bench", secret: Redacted.make(randomBytes(32)) }])
const stamp = 1_700_000_000_000_000
const values = Array.from({ length: 1_000 }, (_, id) => ({ key: Tag.of("match", `${id}`), value: matchOf(id) }))

main(() =>
  Effect.gen(function* () {
    const cipher = yield* Cipher.Cipher
    const tasksOf = (name: string, codec: Codec.Codec<Match>, isEncrypted: boolean): Tasks => {
      const boundOf = (key: Tag.Tag, header: string | Uint8Array) => ({
        storeKey: `letletme:${key}@${codec.fingerprint}`,
        stamp,
        announced: false,
        header
      })
      const write = ({ key, value }: (typeof values)[number]) => {
        const header: Entry.Header = {
          createdAt: stamp / 1_000,
          freshUntil: stamp / 1_000 + 1_000,
          expiresAt: stamp / 1_000 + 2_000,
          revision: Entry.noRevision,
          absent: false,
          announced: false,
          tags: [key]
        }
        const payload = Result.getOrThrow(codec.encode(value))
        const sealed = isEncrypted ? cipher.seal(payload, boundOf(key, Entry.describe(header))) : payload
        return { key, bytes: Entry.seal(stamp, Entry.body(header, sealed)) }
      }
      const written = values.map(write)
      return {
        [`encode ${name}`]: repeat(values.length, () => {
          for (const one of values) write(one)
        }),
        [`decode ${name}`]: repeat(values.length, () => {
          for (const { bytes, key } of written) {
            const value = Result.flatMap(Entry.unseal(key, bytes), ({ payload }) =>
              isEncrypted
                ? Result.flatMap(cipher.open(payload, boundOf(key, Entry.described(bytes))), codec.decode)
                : codec.decode(payload)
            )
            if (Result.isFailure(value)) throw new Error(value.failure)
          }
        })
      }
    }
    const plain = Codec.make(Match)
    const compressed = Codec.make(Match, { packing: { above: 0, level: 1 } })
    return {
      ...tasksOf("plain", plain, false),
      ...tasksOf("compressed", compressed, false),
      ...tasksOf("encrypted", plain, true),
      ...tasksOf("compressed and encrypted", compressed, true)
    }
  }).pipe(Effect.provide(Cipher.Cipher.layer().pipe(Layer.provide(ring))))
)
