/**
 * Real servers and faults for the tests of this workspace.
 */
export { RedisServer, RedisServerError } from "./RedisServer.ts"
export * as TcpProxy from "./TcpProxy.ts"
