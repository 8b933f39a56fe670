/**
 * The file of a backup: a line that names format and version, then frames. Each frame is compressed by itself, so that
 * one at a time is in memory; the last one has the number of entries and a digest of all that stands before it.
 */
import { Effect, FileSystem, Option, Schema, Stream } from "effect"
import { createHash } from "node:crypto"
import { zstdCompress, zstdDecompress } from "node:zlib"
import { BackupError, Damaged, FileFailed, OtherVersion } from "../BackupError.ts"

/** An entry by its name: its key in the store without the namespace. */
export interface Named {
  readonly name: string
  readonly bytes: Uint8Array
}

const magic = "LLCBACKUP "
const version = "1"
const firstLine = Buffer.from(`${magic}${version}\n`)

// A frame is at most so large, compressed or not: a length in a file is not believed beyond it.
const frameLimit = 64 * 1024 * 1024
/** A larger entry is not taken into a file: a frame could not hold it. */
export const entryLimit = 32 * 1024 * 1024
// Entries are gathered into frames of about this size.
const frameSize = 1024 * 1024

const Header = Schema.TaggedStruct("Header", {
  namespace: Schema.String,
  /** The position of the writer's view, for people. */
  position: Schema.Int,
  createdAt: Schema.Int
})

/** What a frame begins with: a line of JSON. After it come the bytes of the entries, one behind the other. */
const Index = Schema.fromJsonString(
  Schema.Union([
    Header,
    Schema.TaggedStruct("Entries", {
      entries: Schema.Array(Schema.Struct({ name: Schema.String, length: Schema.Int.check(Schema.isGreaterThan(0)) }))
    }),
    Schema.TaggedStruct("End", { entries: Schema.Int, digest: Schema.String })
  ])
)
type Index = typeof Index.Type
const encodeIndex = Schema.encodeEffect(Index)
const decodeIndex = Schema.decodeEffect(Index)

/** Says what the operation on the file was that failed. */
const naming =
  (file: string, operation: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, BackupError, R> =>
    Effect.mapError(effect, (cause) => new BackupError({ reason: new FileFailed({ file, operation, cause }) }))

const zstd = (
  call: (done: (error: Error | null, result: Uint8Array) => void) => void
): Effect.Effect<Uint8Array, Error> =>
  Effect.callback((resume) =>
    call((error, result) => resume(error === null ? Effect.succeed(result) : Effect.fail(error)))
  )

const compress = (bytes: Uint8Array) => zstd((done) => zstdCompress(bytes, done))
const decompress = (bytes: Uint8Array) => zstd((done) => zstdDecompress(bytes, { maxOutputLength: frameLimit }, done))

/** Lays out a frame: the length of what is compressed, and itself. */
const frameOf = Effect.fnUntraced(function* (index: Index, entries: ReadonlyArray<Named>) {
  const line = yield* Effect.orDie(encodeIndex(index))
  const packed = yield* compress(Buffer.concat([Buffer.from(`${line}\n`), ...entries.map(({ bytes }) => bytes)]))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(packed.length)
  return Buffer.concat([head, packed])
})

/** Writes a file beside its place, and moves it there once it is whole. Answers how many entries and bytes it has. */
export const write = <E>(
  file: string,
  header: Omit<typeof Header.Type, "_tag">,
  entries: Stream.Stream<ReadonlyArray<Named>, E>
): Effect.Effect<{ readonly entries: number; readonly bytes: number }, BackupError | E, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const part = `${file}.part`
    const writing = naming(file, "Writing")
    const digest = createHash("sha256")
    let [count, bytes] = [0, 0]

    const whole = Effect.gen(function* () {
      // It holds what the cache holds: nobody else is to read it.
      const handle = yield* writing(files.open(part, { flag: "w", mode: 0o600 }))
      const put = (data: Uint8Array) => {
        digest.update(data)
        bytes += data.length
        return writing(handle.writeAll(data))
      }
      const frame = (index: Index, some: ReadonlyArray<Named> = []) =>
        Effect.flatMap(writing(frameOf(index, some)), put)

      let gathered: Array<Named> = []
      let size = 0
      const flush = Effect.suspend(() => {
        const some = gathered
        gathered = []
        size = 0
        count += some.length
        const index = some.map(({ bytes: { length }, name }) => ({ name, length }))
        return some.length === 0 ? Effect.void : frame({ _tag: "Entries", entries: index }, some)
      })

      yield* put(firstLine)
      yield* frame({ _tag: "Header", ...header })
      yield* Stream.runForEach(Stream.flattenIterable(entries), (entry) => {
        gathered.push(entry)
        size += entry.bytes.length
        return size >= frameSize ? flush : Effect.void
      })
      yield* flush
      yield* frame({ _tag: "End", entries: count, digest: digest.copy().digest("hex") })
      yield* writing(handle.sync)
    })

    yield* Effect.scoped(whole).pipe(
      Effect.andThen(writing(files.rename(part, file))),
      Effect.onError(() => Effect.ignore(files.remove(part)))
    )
    return { entries: count, bytes }
  })

/** Reads a file, frame by frame. Fails as soon as something is wrong with it, and at the end if something is missing. */
export const read = (file: string): Stream.Stream<ReadonlyArray<Named>, BackupError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const reading = naming(file, "Reading")
    const handle = yield* reading(files.open(file, { flag: "r" }))
    const digest = createHash("sha256")
    const damaged = (detail: string) => new BackupError({ reason: new Damaged({ file, detail }) })
    let count = 0

    const take = Effect.fnUntraced(function* (size: number) {
      const pieces: Array<Uint8Array> = []
      for (let left = size; left > 0;) {
        const piece = yield* reading(handle.readAlloc(left))
        if (Option.isNone(piece)) return yield* damaged("it ends too early")
        pieces.push(piece.value)
        left -= piece.value.length
      }
      return Buffer.concat(pieces)
    })

    const first = yield* take(firstLine.length)
    const line = first.toString("latin1")
    if (!line.startsWith(magic)) return yield* damaged("it does not begin as one")
    if (line !== `${magic}${version}\n`) {
      return yield* new BackupError({ reason: new OtherVersion({ file, version: line.slice(magic.length).trim() }) })
    }
    digest.update(first)

    /** Cuts what follows a frame's index into the entries that the index names. */
    const cut = Effect.fnUntraced(function* (index: Extract<Index, { readonly _tag: "Entries" }>, data: Uint8Array) {
      let at = 0
      const entries = index.entries.map(({ length, name }): Named => ({
        name,
        bytes: data.subarray(at, (at += length))
      }))
      if (at !== data.length) return yield* damaged("the lengths of entries do not add up")
      count += entries.length
      return entries
    })

    const frame = Effect.gen(function* () {
      const head = yield* take(4)
      const length = head.readUInt32BE()
      if (length > frameLimit) return yield* damaged("a frame is longer than any that is written")
      const packed = yield* take(length)
      const data = Buffer.from(yield* Effect.mapError(decompress(packed), ({ message }) => damaged(message)))
      const end = data.indexOf(10)
      const index = yield* Effect.mapError(decodeIndex(data.toString("utf8", 0, Math.max(end, 0))), ({ message }) =>
        damaged(`a frame cannot be read: ${message}`)
      )
      if (index._tag === "End") {
        const isWhole = index.entries === count && index.digest === digest.digest("hex")
        if (!isWhole) return yield* damaged("its entries or its digest are not those that were written")
        if (Option.isSome(yield* reading(handle.readAlloc(1)))) return yield* damaged("something follows its end")
        return [[], Option.none<void>()] as const
      }
      digest.update(head).update(packed)
      const entries = index._tag === "Header" ? [] : yield* cut(index, data.subarray(end + 1))
      return [[entries], Option.some(undefined)] as const
    })
    return Stream.paginate(undefined, () => frame)
  }).pipe(Stream.unwrap)
