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

export class Cursor {
  private text = ""
  private at = 0

  /** No string of the text may have escapes. */
  begin(text: string): void {
    this.text = text
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
    if (code === quote) {
      const end = text.indexOf('"', at + 1)
      if (end === -1) return this.stop()
      this.at = end + 1
      return text.slice(at + 1, end)
    }
    if (code === minus || (code >= zero && code < zero + 10)) return this.number()
    if (text.startsWith("null", at)) return this.pass(4, null)
    if (text.startsWith("true", at)) return this.pass(4, true)
    return text.startsWith("false", at) ? this.pass(5, false) : this.stop()
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
