/**
 * The data that each migration reads, and what is counted of it.
 */

/** A product. */
export interface Product {
  readonly id: number
  readonly price: number
}

/** A source that counts how often it is asked. */
export const makeSource = () => {
  const source = { loads: 0, price: 100, product: (id: number): Promise<Product> => Promise.resolve({ id, price: 0 }) }
  source.product = (id) => {
    source.loads++
    return Promise.resolve({ id, price: source.price })
  }
  return source
}

export type Source = ReturnType<typeof makeSource>
