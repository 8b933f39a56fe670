import { assert, describe, it } from "@effect/vitest"
import { Codec } from "@letletme/cache"
import * as Packing from "@letletme/cache/internal/Packing"
import { Result, Schema } from "effect"

const packing = { above: 100, level: 1 }
const json = Buffer.from(JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, name: "Köln" }))))
const packed = Packing.pack(json, packing)

const unpacked = (bytes: Uint8Array) => Result.map(Packing.unpack(bytes), (whole) => whole.toString())

describe("Packing", () => {
  it("leaves alone what is short, and what does not become shorter", () => {
    const short = json.subarray(0, 100)
    assert.strictEqual(Packing.pack(short, packing), short)
    const random = Buffer.from(Array.from({ length: 240 }, (_, at) => (at * 7_919) % 251))
    assert.strictEqual(Packing.pack(random, packing), random)
    assert.strictEqual(Packing.sizeOf(random), 240)
  })

  it("begins with a line that says how long it was, and comes back as it was", () => {
    assert.match(Buffer.from(packed).toString("latin1"), new RegExp(`^zstd ${json.length}\\n`))
    assert.isBelow(packed.length, json.length / 4)
    assert.strictEqual(Packing.sizeOf(packed), json.length)
    assert.deepStrictEqual(unpacked(packed), Result.succeed(json.toString()))
    assert.deepStrictEqual(unpacked(json), Result.succeed(json.toString()))
  })

  const frame = Buffer.from(packed).subarray(packed.indexOf(10) + 1)
  const claiming = (text: string) => Buffer.concat([Buffer.from(text, "latin1"), frame])
  const refused: Readonly<Record<string, readonly [bytes: Buffer, why: string]>> = {
    "more than it claims": [claiming("zstd 100\n"), "the payload cannot be unpacked"],
    "less than it claims": [claiming(`zstd ${json.length + 1}\n`), "the packed payload is cut off"],
    "a length beyond all bounds": [claiming("zstd 999999999\n"), "the packed payload does not say how long it is"],
    "a length that is none": [claiming("zstd -1\n"), "the packed payload does not say how long it is"],
    "no line": [Buffer.from("zstd 12"), "the packed payload does not say how long it is"],
    "no frame": [Buffer.from("zstd 12\n{}"), "the payload cannot be unpacked"],
    "half a frame": [Buffer.from(packed.subarray(0, packed.length >> 1)), "the payload cannot be unpacked"]
  }
  for (const [what, [bytes, why]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assert.deepStrictEqual(unpacked(bytes), Result.fail(why))
    })
  }

  it("is read by a codec that does not pack, and the other way round", () => {
    const value = Array.from({ length: 50 }, (_, id) => ({ id, name: "Brighton" }))
    const schema = Schema.Array(Schema.Struct({ id: Schema.Int, name: Schema.String }))
    const [plain, packer] = [Codec.make(schema), Codec.make(schema, { packing })]
    assert.strictEqual(plain.fingerprint, packer.fingerprint)
    const long = Result.getOrThrow(plain.encode(value))
    const short = Result.getOrThrow(packer.encode(value))
    assert.isBelow(short.length, long.length / 4)
    assert.deepStrictEqual(Result.getOrThrow(plain.decode(short)), value)
    assert.deepStrictEqual(Result.getOrThrow(packer.decode(long)), value)
  })
})
