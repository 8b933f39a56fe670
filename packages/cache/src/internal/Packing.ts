/**
 * Payloads made smaller: zstd, where there is enough of one for it to pay.
 *
 * A packed payload is one line, `zstd <bytes when unpacked>`, and a zstd frame. No JSON begins with a `z`, so that every
 * reader tells the two apart, whatever its own settings are.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878
 */
import { Result } from "effect"
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib"

/** When to pack, and how hard to try. */
export interface Packing {
  /** Payloads of more bytes than this are packed. */
  readonly above: number
  /** The level of zstd, from 1, the fastest. */
  readonly level: number
}

const mark = "zstd "
const markBytes = Buffer.from(mark)
const newline = 10

// What claims to be longer is refused before anything is made of it (bytes).
const longest = 256 * 1024 * 1024

const isPacked = (payload: Uint8Array): boolean => payload[0] === markBytes[0]

/** The packed form, if it is wanted and shorter. */
export const pack = (payload: Uint8Array, { above, level }: Packing): Uint8Array => {
  if (payload.length <= above || payload.length > longest) return payload
  const frame = zstdCompressSync(payload, { params: { [constants.ZSTD_c_compressionLevel]: level } })
  const packed = Buffer.concat([Buffer.from(`${mark}${payload.length}\n`), frame])
  return packed.length < payload.length ? packed : payload
}

/** Where the frame begins, and how long it will be; `undefined` if that is not said. */
const claim = (payload: Buffer): { readonly from: number; readonly length: number } | undefined => {
  const end = payload.indexOf(newline)
  const text = payload.toString("latin1", 0, Math.min(end, 16))
  const stated = /^zstd (\d{1,9})$/.exec(text)?.[1]
  const length = stated === undefined ? Number.NaN : Number(stated)
  return length <= longest ? { from: end + 1, length } : undefined
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** How many bytes a payload has when it is unpacked. */
export const sizeOf = (payload: Uint8Array): number =>
  isPacked(payload) ? (claim(bufferOf(payload))?.length ?? payload.length) : payload.length

/** The payload as it was before it was packed, or what is wrong in words. */
export const unpack = (payload: Uint8Array): Result.Result<Buffer, string> => {
  const buffer = bufferOf(payload)
  if (!isPacked(payload)) return Result.succeed(buffer)
  const claimed = claim(buffer)
  if (claimed === undefined) return Result.fail("the packed payload does not say how long it is")
  try {
    // It gives up at the first byte beyond what is claimed.
    const whole = zstdDecompressSync(buffer.subarray(claimed.from), { maxOutputLength: Math.max(1, claimed.length) })
    return whole.length === claimed.length ? Result.succeed(whole) : Result.fail("the packed payload is cut off")
  } catch {
    return Result.fail("the payload cannot be unpacked")
  }
}
