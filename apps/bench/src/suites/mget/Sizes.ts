export const count = 10_000
export const ids = Array.from({ length: count }, (_, id) => id)
export const sizes = [100, 1_000]

/** Which are asked for together next: neighbours, beginning anywhere. */
export const window = (size: number) => {
  let from = 0
  return () => {
    from = (from + 1_237) % (count - size)
    return from
  }
}
