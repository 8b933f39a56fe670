/**
 * Content codings: which one a client takes, and the bytes in it.
 */
import { Effect } from "effect"
import { brotliCompress, constants, gzip, zstdCompress } from "node:zlib"

/** A content coding; `identity` is none. */
export type Coding = "identity" | "zstd" | "br" | "gzip"

// What is as dear to a client is chosen in this order: what is packed once is sent many times.
const preferred: ReadonlyArray<Coding> = ["br", "zstd", "gzip"]

const member = /^\s*([\w*!#$%&'+.^`|~-]+)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/i

/**
 * The coding for a client, by its `Accept-Encoding` (RFC 9110, 12.5.3): the one it likes best, of equals the smallest.
 * None where it states none, or states it in a way that is no way.
 */
export const negotiate = (accepted: string | undefined): Coding => {
  if (accepted === undefined) return "identity"
  const weights = new Map<string, number>()
  for (const part of accepted.split(",")) {
    const [, name, weight] = member.exec(part) ?? []
    if (name !== undefined) weights.set(name.toLowerCase(), weight === undefined ? 1 : Number(weight))
  }
  let best: Coding = "identity"
  let most = 0
  for (const coding of preferred) {
    const weight = weights.get(coding) ?? weights.get("*") ?? 0
    if (weight > most) {
      best = coding
      most = weight
    }
  }
  return best
}

type Done = (error: Error | null, packed: Buffer) => void

const packers: Readonly<Record<Exclude<Coding, "identity">, (bytes: Uint8Array, done: Done) => void>> = {
  br: (bytes, done) =>
    brotliCompress(
      bytes,
      {
        params: {
          // Bytes are packed once and sent many times; above this a table takes longer than a frame.
          [constants.BROTLI_PARAM_QUALITY]: 5,
          [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length
        }
      },
      done
    ),
  gzip: (bytes, done) => gzip(bytes, { level: 6 }, done),
  zstd: (bytes, done) => zstdCompress(bytes, done)
}

/** The bytes in a coding. They are packed by Node's threads, beside whatever else goes on. */
export const pack = (coding: Exclude<Coding, "identity">, bytes: Uint8Array): Effect.Effect<Uint8Array> =>
  Effect.callback((resume) =>
    packers[coding](bytes, (error, packed) => resume(error === null ? Effect.succeed(packed) : Effect.die(error)))
  )
