/**
 * A place in a JSON text whose form is known. What is not as expected is not looked into: from then on nothing is, and
 * {@link Cursor.isDone} is false.
 */

const quote = 34
const comma = 44
const minus = 45
const zero = 48
const opening = 91
const closing = 93

// As many digits are a safe integer whatever they are.
const mostDigits = 15

const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

// Strings up to this length (characters) are shared between values that are read one after the other, as names of teams
// and kinds are: as many as the table has places.
const longestShared = 32
const places = 1_024

// A longer part of a string is no copy: it keeps the whole.
const longestCopied = 12

export class Cursor {
  private readonly shared = Array.from({ length: places }, () => "")
  private bytes: Buffer = Buffer.alloc(0)
  private text = ""
  private at = 0

  /** The text with its bytes in UTF-8. No string of it may have escapes. */
  begin(text: string, bytes: Buffer): void {
    this.text = text
    this.bytes = bytes
    this.at = 0
  }

  /** The whole text was as expected. */
  isDone(): boolean {
    return this.at === this.text.length
  }

  /** Whether a list begins here; then this is past its bracket. */
  opens(): boolean {
    return this.passes(opening)
  }

  /** Whether the list that began here has no items. */
  isEmpty(): boolean {
    return this.text.charCodeAt(this.at) === closing
  }

  /** Whether another item follows; then this is past its comma. */
  goesOn(): boolean {
    return this.passes(comma)
  }

  separates(): void {
    if (!this.passes(comma)) this.stop()
  }

  closes(): void {
    if (!this.passes(closing)) this.stop()
  }

  /** The string, number, boolean or null that begins here. */
  scalar(): unknown {
    const { at, text } = this
    const code = text.charCodeAt(at)
    if (code === quote) return this.string()
    if (code === minus || (code >= zero && code < zero + 10)) return this.number()
    if (text.startsWith("null", at)) return this.pass(4, null)
    if (text.startsWith("true", at)) return this.pass(4, true)
    return text.startsWith("false", at) ? this.pass(5, false) : this.stop()
  }

  private string(): string | undefined {
    const { shared, text } = this
    const from = this.at + 1
    const limit = Math.min(text.length, from + longestShared)
    let to = from
    let hash = 0
    let code = text.charCodeAt(to)
    while (code !== quote && to < limit) {
      hash = (Math.imul(hash, 31) + code) | 0
      code = text.charCodeAt(++to)
    }
    if (code !== quote) {
      const end = text.indexOf('"', to)
      if (end === -1) return this.stop()
      this.at = end + 1
      return this.copy(from, end)
    }
    this.at = to + 1
    const place = hash & (places - 1)
    const known = shared[place] ?? ""
    if (known.length === to - from && text.startsWith(known, from)) return known
    return (shared[place] = to - from <= longestCopied ? text.slice(from, to) : this.copy(from, to))
  }

  /** A part of the text that keeps nothing of it. */
  private copy(from: number, to: number): string {
    const { bytes, text } = this
    const isAscii = bytes.length === text.length
    return isAscii ? bytes.toString("latin1", from, to) : Buffer.from(text.slice(from, to)).toString()
  }

  private number(): number | undefined {
    const { at: from, text } = this
    const isNegative = text.charCodeAt(from) === minus
    const first = isNegative ? from + 1 : from
    let value = 0
    let at = first
    for (let digit = text.charCodeAt(at) - zero; digit >= 0 && digit < 10; digit = text.charCodeAt(at) - zero) {
      value = value * 10 + digit
      at++
    }
    const next = text.charCodeAt(at)
    if (at > first && at <= first + mostDigits && (next === comma || next === closing)) {
      this.at = at
      return isNegative ? -value : value
    }
    number.lastIndex = from
    const [written] = number.exec(text) ?? []
    if (written === undefined) return this.stop()
    this.at = from + written.length
    return Number(written)
  }

  private pass<A>(length: number, value: A): A {
    this.at += length
    return value
  }

  private passes(code: number): boolean {
    if (this.text.charCodeAt(this.at) !== code) return false
    this.at++
    return true
  }

  /** Beyond the end there is nothing to find. */
  private stop(): undefined {
    this.at = this.text.length + 1
    return undefined
  }
}
