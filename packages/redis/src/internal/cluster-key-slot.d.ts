/** The package states no types. */
declare module "cluster-key-slot" {
  const slotOf: (key: string) => number
  export = slotOf
}
