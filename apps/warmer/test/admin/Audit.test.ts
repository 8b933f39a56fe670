import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Audit } from "@letletme/warmer/admin/Audit"
import { Token } from "@letletme/warmer/admin/Token"
import { Effect, FileSystem, Layer, Redacted, Schema } from "effect"

const secret = "0123456789abcdef0123456789abcdef"
const token = Token.layer(Redacted.make(secret))

const attempt = { who: "stranger", remote: "127.0.0.1", what: "POST /admin/invalidate", status: 401, note: "" }

const folder = Layer.effect(
  FileSystem.FileSystem,
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* files.makeTempDirectoryScoped()
    return { ...files, makeTempDirectory: () => Effect.succeed(path) }
  })
).pipe(Layer.provide(NodeServices.layer))

/** The file that the suite's layer writes to. */
const file = FileSystem.FileSystem.use((files) =>
  Effect.map(Effect.orDie(files.makeTempDirectory()), (path) => `${path}/audit.log`)
)

const layers = {
  memory: Audit.layerMemory.pipe(Layer.provide(token)),
  file: Layer.unwrap(Effect.map(file, Audit.layerFile)).pipe(Layer.provide(token))
}

for (const [name, layer] of Object.entries(layers)) {
  describe(`Audit in ${name}`, () => {
    it.effect("keeps the latest 200 attempts, on one line each, without the token", () =>
      Effect.gen(function* () {
        const { recent, record } = yield* Audit
        yield* record({ ...attempt, what: `GET /admin/${secret}\r\nforged`, note: `x${"y".repeat(500)}` })
        const [first] = yield* recent
        assert.strictEqual(first?.what, "GET /admin/<token>??forged")
        assert.lengthOf(first?.note ?? "", 300)
        for (let count = 0; count < 205; count++) yield* record({ ...attempt, note: `${count}` })
        const kept = yield* recent
        assert.lengthOf(kept, 200)
        assert.deepStrictEqual([kept[0]?.note, kept.at(-1)?.note], ["204", "5"])
      }).pipe(Effect.provide(Layer.provideMerge(layer, folder)))
    )
  })
}

describe("Audit in a file", () => {
  const Line = Schema.fromJsonString(Schema.Struct({ what: Schema.String, note: Schema.String }))

  it.effect("appends a document for each attempt, and begins anew before it grows beyond its bound", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const path = yield* file
      yield* files.writeFileString(path, `${"x".repeat(1_048_575)}\n`)
      const { record } = yield* Audit
      yield* record({ ...attempt, note: "first" })
      yield* record({ ...attempt, note: "second" })
      const lines = (yield* files.readFileString(path)).trim().split("\n")
      const notes = yield* Effect.forEach(lines, (line) => Schema.decodeEffect(Line)(line))
      assert.deepStrictEqual(
        notes.map(({ note }) => note),
        ["first", "second"]
      )
      assert.strictEqual(Number((yield* files.stat(`${path}.1`)).size), 1_048_576)
    }).pipe(Effect.provide(Layer.provideMerge(layers.file, folder)))
  )

  it.effect("one that cannot be written keeps nobody from working", () =>
    Effect.gen(function* () {
      const { recent, record } = yield* Audit
      yield* record(attempt)
      assert.lengthOf(yield* recent, 1)
    }).pipe(
      Effect.provide(
        Audit.layerFile("/dev/null/audit.log").pipe(Layer.provide(token), Layer.provide(NodeServices.layer))
      )
    )
  )
})
