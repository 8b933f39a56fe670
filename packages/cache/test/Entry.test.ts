import { assert, describe, it } from "@effect/vitest"
import { Entry, Tag } from "@letletme/cache"
import { Arbitrary, Result, Schema } from "effect"

const Time = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_102_444_800_000 }))
const Stamp = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
const headers = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      createdAt: Time,
      freshUntil: Time,
      expiresAt: Time,
      revision: Schema.Struct({
        time: Time,
        sequence: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 }))
      }),
      absent: Schema.Boolean,
      announced: Schema.Boolean,
      ids: Schema.NonEmptyArray(Schema.String)
    })
  ),
  ({ ids: [own, ...others], ...header }): Entry.Header => ({
    ...header,
    tags: [Tag.of("größe", own), ...others.map((id) => Tag.any("日本", id))]
  })
)
const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))

const key = Tag.of("match", "17")
const header: Entry.Header = {
  createdAt: 1_700_000_000_000,
  freshUntil: 1_700_000_060_000,
  expiresAt: 1_700_003_660_000,
  revision: { time: 1_699_999_999_999, sequence: 7 },
  absent: false,
  announced: false,
  tags: [key, Tag.any("match", "event", "28"), Tag.of("match", "team", "Köln")]
}
const payload = Buffer.from('{"home":"Köln"}\n{"second":"line"}')
const stamp = 1_700_000_000_123_456
const sample = Entry.seal(stamp, Entry.body(header, payload))

const flat = (sealed: Entry.Sealed) => ({ ...sealed, payload: Buffer.from(sealed.payload).toString("hex") })
const opened = (bytes: Uint8Array, of: Tag.Tag = key) => flat(Result.getOrThrow(Entry.unseal(of, bytes)))
const why = (bytes: Uint8Array, of: Tag.Tag = key): string =>
  Result.match(Entry.unseal(of, bytes), { onSuccess: () => "nothing", onFailure: (detail) => detail })

describe("Entry", () => {
  it("starts with a line that a person can read", () => {
    const [line] = Buffer.from(sample).toString().split("\n")
    assert.match(
      line ?? "",
      /^LLC1 1700000000123456 \d{1,6} [0-9a-f]{8} 1700000000000 1700000060000 1700003660000 1699999999999\.7 value match:17 match:event:28:\* match:team:Köln$/
    )
  })

  it.prop(
    "reads what it wrote",
    [headers, Bytes, Stamp],
    ([written, bytes, at]) => {
      const [own = key] = written.tags
      const read = opened(Entry.seal(at, Entry.body(written, Uint8Array.from(bytes))), own)
      assert.deepStrictEqual(read, { ...written, stamp: at, payload: Buffer.from(bytes).toString("hex") })
    },
    { arbitrary: { runs: 300 } }
  )

  it("reads bytes out of the middle of a larger buffer", () => {
    const padded = Buffer.concat([Buffer.from("before"), sample, Buffer.from("after")])
    assert.deepStrictEqual(opened(padded.subarray(6, 6 + sample.length)), opened(sample))
  })

  it("refuses every flipped bit, or reads the same entry", () => {
    const whole = JSON.stringify(opened(sample))
    const misread: Array<number> = []
    for (let bit = 0; bit < sample.length * 8; bit++) {
      const flipped = Uint8Array.from(sample)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const read = Entry.unseal(key, flipped)
      if (Result.isSuccess(read) && JSON.stringify(flat(read.success)) !== whole) misread.push(bit)
    }
    assert.deepStrictEqual(misread, [])
  })

  it("refuses every change of one digit of the stamp", () => {
    const text = Buffer.from(sample).toString("latin1")
    for (let at = 5; at < 5 + `${stamp}`.length; at++) {
      for (const digit of "0123456789") {
        if (digit === text[at]) continue
        const changed = Buffer.from(`${text.slice(0, at)}${digit}${text.slice(at + 1)}`, "latin1")
        assert.strictEqual(why(changed), "the stamp fails its check")
      }
    }
  })

  it("refuses every truncation, and what comes after the end", () => {
    for (let length = 0; length < sample.length; length++) {
      assert.isTrue(Result.isFailure(Entry.unseal(key, sample.subarray(0, length))), `${length} bytes`)
    }
    assert.strictEqual(why(Buffer.concat([sample, Buffer.from("}")])), "the checksum does not match")
  })

  it("names what is wrong", () => {
    assert.strictEqual(why(new Uint8Array(0)), "the header is not terminated")
    assert.strictEqual(why(Buffer.from('{"id":17}\n')), "the format is not LLC1")
    assert.strictEqual(why(sample, Tag.of("match", "18")), "it belongs to match:17")
    assert.strictEqual(why(Buffer.from("LLC1 1 2 00000000 x\n")), "the stamp fails its check")
    assert.strictEqual(why(Buffer.from("LLC1 1 1\n")), "the checksum is missing")
    const later = Entry.seal(stamp, Entry.body({ ...header, tags: [] }, payload))
    assert.strictEqual(why(later), "it belongs to ")
    const odd = Entry.seal(stamp, Entry.body({ ...header, createdAt: 1.5 }, payload))
    assert.strictEqual(why(odd), "a header field is malformed")
    const negative = Entry.seal(stamp, Entry.body({ ...header, revision: { time: -1, sequence: 0 } }, payload))
    assert.strictEqual(why(negative), "a header field is malformed")
  })

  it.prop("never throws, whatever the bytes", [Bytes], ([bytes]) => {
    assert.isTrue(Result.isFailure(Entry.unseal(key, Uint8Array.from(bytes))))
    assert.isTrue(Result.isFailure(Entry.unseal(key, Buffer.from(`LLC1 1 1 ${Buffer.from(bytes).toString()}\n`))))
  })

  it("checks a stamp by its remainder", () => {
    assert.strictEqual(Entry.checkOf(0), 0)
    assert.strictEqual(Entry.checkOf(999_983), 0)
    assert.strictEqual(Entry.checkOf(999_984), 1)
    assert.strictEqual(Entry.checkOf(Number.MAX_SAFE_INTEGER), Number(BigInt(Number.MAX_SAFE_INTEGER) % 999_983n))
  })

  it("orders revisions by time, then by number", () => {
    const at = (time: number, sequence: number) => ({ time, sequence })
    const ordered = [Entry.noRevision, at(0, 1), at(1, 0), at(1, 2), at(2, 0)]
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        assert.strictEqual(Math.sign(Entry.compareRevisions(a, b)), Math.sign(i - j))
      }
    }
  })
})
