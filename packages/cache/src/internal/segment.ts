/**
 * Any text as one segment of a tag, and back: what the tags' grammar reserves is written by its code.
 */

/** The segment of a text; no two texts have the same. */
export const of = (text: string): string =>
  text === "" ? "=" : text.replace(/[^\w.~-]/g, (unit) => `=${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** The text of a segment that {@link of} made. */
export const text = (segment: string): string =>
  segment === "="
    ? ""
    : segment.replace(/=([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
