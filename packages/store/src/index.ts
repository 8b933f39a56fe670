export * as Embedded from "./Embedded.ts"
export * as Postgres from "./Postgres.ts"
export * as SqlOutbox from "./SqlOutbox.ts"
export * as SqlSeasonStore from "./SqlSeasonStore.ts"
