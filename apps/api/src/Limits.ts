/**
 * What a request may ask for. It is looked at before anything is done for it, and refused as a problem (RFC 9457).
 */
import { ProblemDetails } from "effect/http"
import { LRUCache } from "lru-cache"
import type { IncomingMessage } from "node:http"

/** Limits of requests. */
export interface Limits {
  /** The most characters that path and query may have. Default: 2,048. */
  readonly url?: number
  /**
   * The most requests of one address in a second; twice as many may come at once. Default: no limit. Behind a proxy all
   * come from its address: let it limit them.
   */
  readonly perSecond?: number
}

/** Why a request is refused: a reply that goes out as it is. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const refusal = (
  status: number,
  title: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {}
): Refusal => {
  const body = JSON.stringify({
    type: ProblemDetails.blankType,
    status,
    title,
    detail
  } satisfies ProblemDetails.ProblemDetails)
  return {
    status,
    headers: {
      "content-type": ProblemDetails.contentType,
      "content-length": `${Buffer.byteLength(body)}`,
      "access-control-allow-origin": "*",
      ...headers
    },
    body
  }
}

const methods = "GET, HEAD, OPTIONS"

// So many addresses are counted; of more, those that were quiet longest are forgotten.
const addresses = 10_000

/**
 * Counts requests by address, by the generic cell rate algorithm (ITU-T I.371): one number for each address, the time at
 * which it has used up what it was given. Answers how long (ms) to wait; 0 is now.
 */
export const rate = (perSecond: number): ((address: string, now: number) => number) => {
  const each = 1_000 / perSecond
  const atOnce = 2 * 1_000
  const usedUp = new LRUCache<string, number>({ max: addresses })
  return (address, now) => {
    const from = Math.max(now, usedUp.get(address) ?? now)
    const wait = from + each - now - atOnce
    if (wait > 0) return wait
    usedUp.set(address, from + each)
    return 0
  }
}

/** Makes the look at a request: `undefined` where it may go on. */
export const make = ({
  perSecond,
  url: longest = 2_048
}: Limits): ((request: IncomingMessage) => Refusal | undefined) => {
  const waitOf = perSecond === undefined ? undefined : rate(perSecond)
  const wrongMethod = refusal(405, "Method Not Allowed", `This API only reads: ${methods}.`, {
    allow: methods,
    connection: "close"
  })
  const tooLong = refusal(414, "URI Too Long", `An address has at most ${longest} characters.`)
  const withBody = refusal(413, "Content Too Large", "A read has no body.", { connection: "close" })
  return (request) => {
    const { headers, method, url = "" } = request
    if (waitOf !== undefined) {
      const wait = waitOf(request.socket.remoteAddress ?? "", Date.now())
      if (wait > 0) {
        const seconds = `${Math.ceil(wait / 1_000)}`
        const detail = `One address asks at most ${perSecond} times a second. Ask again in ${seconds} s.`
        return refusal(429, "Too Many Requests", detail, { "retry-after": seconds })
      }
    }
    if (url.length > longest) return tooLong
    if (method !== "GET" && method !== "HEAD" && method !== "OPTIONS") return wrongMethod
    const length = headers["content-length"]
    return (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined ? withBody : undefined
  }
}
