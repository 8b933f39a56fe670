/**
 * Between the ids of one domain and the keys of its entries.
 */
import { Option, Schema } from "effect"
import type { Definition } from "../Domain.ts"
import * as Tag from "../Tag.ts"

/** An id with its key. */
export interface Keyed<Id> {
  readonly id: Id
  readonly key: Tag.Tag
}

/** A class for the reason that what `Entry.open` answers is one. */
class Named<Id> implements Keyed<Id> {
  readonly id: Id
  readonly key: Tag.Tag

  constructor(id: Id, key: Tag.Tag) {
    this.id = id
    this.key = key
  }
}

export interface Keys<Id> {
  /** The key of an id: the entry's own tag. An id that its schema refuses is a defect. */
  readonly of: (id: Id) => Tag.Tag
  readonly keyed: (id: Id) => Keyed<Id>
  /** The id whose key this is; none where it is not a key of this domain. */
  readonly parse: (key: Tag.Tag) => Option.Option<Id>
  /** What finds an id in a map, and is faster made than its key: the id itself where it is a plain value, else its text. */
  readonly inMap: (id: Id) => Id | string
  /** The tag of the entity that a list is about. */
  readonly relation: (id: Id) => Tag.Tag
}

export const make = <D extends string, Id>({
  domain,
  id: schema,
  list
}: {
  readonly domain: D
  readonly id: Schema.Codec<Id, string>
  readonly list?: Definition<D, Id, unknown>["list"]
}): Keys<Id> => {
  const text = Schema.encodeSync(schema)
  const decode = Schema.decodeUnknownOption(schema)
  // What its schema refuses has no entry: to look for it needs no check.
  const unchecked = Schema.encodeSync(schema, { disableChecks: true })
  const of = (id: Id): Tag.Tag =>
    list === undefined ? Tag.of(domain, text(id)) : Tag.of(domain, list.of, text(id), list.name)
  const [prefix, suffix] = list === undefined ? [`${domain}:`, ""] : [`${domain}:${list.of}:`, `:${list.name}`]
  const { _tag: kind } = Schema.toType(schema).ast
  const isPlain = kind === "String" || kind === "Number"
  return {
    of,
    keyed: (id) => new Named(id, of(id)),
    parse: (tag) =>
      tag.startsWith(prefix) && tag.endsWith(suffix)
        ? Option.filter(decode(tag.slice(prefix.length, tag.length - suffix.length)), (id) => of(id) === tag)
        : Option.none(),
    inMap: isPlain ? (id) => id : unchecked,
    relation: (id) => Tag.of(list?.of ?? domain, text(id))
  }
}
