/**
 * Tags name what an entry depends on, and what an invalidation reaches.
 *
 * A tag is a path of segments joined by `:`, such as `match:2021-22:17`. A pattern is a path that ends in `:*`, such as
 * `match:event:2021-22:28:*`, and stands for its stem and for everything below it. Two rules make the hierarchy:
 *
 * - an invalidated pattern reaches every tag at or below its stem;
 * - an entry that carries a pattern depends on *any* tag at or below its stem.
 *
 * Keys follow the same grammar: an entry's key is its own tag, `{domain}:{id}`, and what an entry of one domain owes to
 * another has the tag `{domain}:{relatedDomain}:{id}`, reached by the pattern `{domain}:{relatedDomain}:{id}:*`.
 */
import { Brand, Result, Schema } from "effect"

/**
 * A path such as `match:2021-22:17`, or a pattern such as `match:*`.
 *
 * Build one with {@link of}, {@link any} or {@link related}; decode one from text with {@link parse}.
 */
export type Tag = string & Brand.Brand<"@letletme/cache/Tag">

/**
 * A tag of which the compiler knows the domain, as {@link of} and {@link any} make it. It is a tag as any other.
 */
export type Of<Domain extends string> = Tag & { readonly "~domain": Domain }

/**
 * What may stand in the place of a tag of one of these domains: such a tag. Where the compiler knows no names, any tag.
 */
export type Known<Domain extends string> = string extends Domain ? Tag : Of<Domain>

const brand = Brand.nominal<Tag>()

// Overloaded: the domain is the compiler's alone, as a brand is.
function brandOf<Domain extends string>(text: string): Of<Domain>
function brandOf(text: string): Tag {
  return brand(text)
}

// A lone surrogate is half a character: it would not survive the way to Redis and back. The table begins names of its own
// with "#" and "*".
const grammar = /^(?:[^\s:*{}%#\p{Cs}]|%[0-9A-F]{2})+(?::(?:[^\s:*{}%#\p{Cs}]|%[0-9A-F]{2})+)*(?::\*)?$/u

/** Decodes a tag or a pattern from text; what is wrong is named, with an example of the right form. */
export const Tag = Schema.String.pipe(
  Schema.check(
    Schema.isPattern(grammar, {
      message: 'Expected segments joined by ":" with an optional final "*", such as "match:17" or "match:event:28:*"'
    })
  ),
  Schema.fromBrand("@letletme/cache/Tag", brand)
)

const decode = Schema.decodeUnknownResult(Tag)

/**
 * Reads a tag or pattern from text, for command lines and HTTP. What is neither is a `SchemaError`, which says what the
 * right form is.
 *
 * @example
 * ```ts
 * import { Result } from "effect"
 * import { Tag } from "@letletme/cache"
 *
 * Result.isSuccess(Tag.parse("match:event:2021-22:28:*")) // true
 * Result.isSuccess(Tag.parse("match:*:28")) // false: a star stands only at the end
 * ```
 */
export const parse = (text: string): Result.Result<Tag, Schema.SchemaError> => decode(text)

const isTag = Schema.is(Tag)
// What most tags are told by: no character of theirs is reserved or beyond ASCII.
const simple = /^[\w.~-]+(?::[\w.~-]+)*(?::\*)?$/

/** The tag or pattern that a text is; `undefined` where it is none. For the many that a log or a header holds. */
export const fromText = (text: string): Tag | undefined =>
  simple.test(text) ? brand(text) : isTag(text) ? text : undefined

const percent = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("")

// The bytes that UTF-8's scheme gives a surrogate's code, which no character has.
const bytesOfSurrogate = (code: number): ReadonlyArray<number> => [
  0xe0 | (code >> 12),
  0x80 | ((code >> 6) & 0x3f),
  0x80 | (code & 0x3f)
]

// A long id may be made of nothing else. There are some two thousand such characters.
const escapes = new Map<string, string>()

const escapeOf = (char: string): string => {
  const known = escapes.get(char)
  if (known !== undefined) return known
  const escaped = percent(char.isWellFormed() ? new TextEncoder().encode(char) : bytesOfSurrogate(char.charCodeAt(0)))
  escapes.set(char, escaped)
  return escaped
}

const escape = (segment: string): string => (segment === "" ? "%00" : segment.replace(/[\s*{}%#\p{Cs}]/gu, escapeOf))

// Keys are made on every read: what needs no escape is told by one look.
const plain = /^[\w.~-]+(?::[\w.~-]+)*$/

const path = (segments: ReadonlyArray<string>): string => {
  let joined = segments[0] ?? ""
  for (let index = 1; index < segments.length; index++) joined += `:${segments[index]}`
  return plain.test(joined) ? joined : joined.split(":").map(escape).join(":")
}

/**
 * The tag of an entity, which is also the key of its entry: `{domain}:{id}`.
 *
 * An id may have segments of its own (`2021-22:17`); characters that the grammar reserves are percent-encoded.
 */
export const of = <const Domain extends string>(domain: Domain, ...id: ReadonlyArray<string>): Of<Domain> =>
  brandOf(path([domain, ...id]))

/** The pattern for a stem and everything below it: `any("match")` is `match:*`. */
export const any = <const Domain extends string>(domain: Domain, ...id: ReadonlyArray<string>): Of<Domain> =>
  brandOf(`${path([domain, ...id])}:*`)

/** The tag that entries of `domain` carry because they depend on `relation`: `{domain}:{relatedDomain}:{id}`. */
export const related = (domain: string, relation: Tag): Tag => brand(`${path([domain])}:${relation}`)

/**
 * The tag that lists of `domain` carry: which of its entities belong to `relation`. It is invalidated when one joins or
 * leaves, and leaves the entities that stay untouched.
 */
export const members = (domain: string, relation: Tag): Tag => brand(`${path([domain])}:members:${relation}`)

/** The pattern that stands for a stem and everything below it. */
export const patternOf = (stem: string): Tag => brand(`${stem}:*`)

/** Whether the tag is a pattern. */
export const isPattern = (tag: Tag): boolean => tag.endsWith(":*")

/** The path without the final star. */
export const stem = (tag: Tag): string => (isPattern(tag) ? tag.slice(0, -2) : tag)

/** The first segment: the domain that the tag speaks of. */
export const domain = (tag: Tag): string => {
  const end = tag.indexOf(":")
  return end === -1 ? tag : tag.slice(0, end)
}

/** The pattern one level up, or `undefined` at the top. */
export const parent = (tag: Tag): Tag | undefined => {
  const from = stem(tag)
  const end = from.lastIndexOf(":")
  return end === -1 ? undefined : brand(`${from.slice(0, end)}:*`)
}

/** Whether invalidating `invalidated` reaches an entry that carries `carried`. */
export const reaches = (invalidated: Tag, carried: Tag): boolean => {
  if (invalidated === carried) return true
  if (!isPattern(invalidated) && !isPattern(carried)) return false
  const from = stem(invalidated)
  const to = stem(carried)
  return (
    from === to ||
    (isPattern(invalidated) && to.startsWith(`${from}:`)) ||
    (isPattern(carried) && from.startsWith(`${to}:`))
  )
}

/**
 * Keeps a dependency list within `limit` by replacing the most crowded siblings by the pattern above them.
 *
 * The result always covers the input: coarsening may invalidate more, never less.
 */
export const coarsen = (tags: ReadonlySet<Tag>, limit: number): ReadonlySet<Tag> => {
  let current = tags
  while (current.size > Math.max(limit, 1)) {
    const crowds = new Map<Tag, number>()
    for (const tag of current) {
      const above = parent(tag)
      if (above !== undefined) crowds.set(above, (crowds.get(above) ?? 0) + 1)
    }
    let fullest: Tag | undefined
    let most = 0
    for (const [above, count] of crowds) {
      // Of two equal crowds the deeper one goes first: it loses the least precision.
      if (count > most || (count === most && fullest !== undefined && above.length > fullest.length)) {
        fullest = above
        most = count
      }
    }
    // Only top-level tags are left: nothing stands above them.
    if (fullest === undefined) return current
    const next = new Set<Tag>([fullest])
    const below = `${stem(fullest)}:`
    for (const tag of current) if (!stem(tag).startsWith(below) && tag !== fullest) next.add(tag)
    current = next
  }
  return current
}
