/**
 * The process that asks, by plain sockets: a client that reads answers as others do would cost more than the server.
 */
import { Schema } from "effect"
import { connect, type Socket } from "node:net"
import { connections, Order } from "./Load.ts"

const isOrder = Schema.is(Order)
const endOfHead = "\r\n\r\n"

/** The bytes of an answer, by its head. */
const lengthOf = (start: Buffer): number | undefined => {
  const end = start.indexOf(endOfHead)
  if (end === -1) return undefined
  const [, body = "0"] = /^content-length: (\d+)/im.exec(start.toString("latin1", 0, end)) ?? []
  return end + endOfHead.length + Number(body)
}

/** Asks on one connection, again and again, and tells of each answer. */
const ask = (port: number, request: Buffer, onAnswer: () => void): Socket => {
  const socket = connect(port, "127.0.0.1")
  let wanted: number | undefined
  let got = 0
  socket.setNoDelay(true)
  socket.on("connect", () => socket.write(request))
  socket.on("data", (data) => {
    wanted ??= lengthOf(data)
    got += data.length
    // A head that comes in two pieces is rare, and counts with the next answer.
    if (wanted === undefined || got < wanted) return
    got = 0
    wanted = undefined
    onAnswer()
    socket.write(request)
  })
  // The server is gone, and this process with it.
  socket.on("error", () => undefined)
  return socket
}

process.on("disconnect", () => process.exit())
process.on("message", (message) => {
  if (!isOrder(message)) return
  const { millis, path, port } = message
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: */*\r\n\r\n`)
  let operations = 0
  const sockets = Array.from({ length: connections }, () => ask(port, request, () => operations++))
  setTimeout(() => {
    for (const socket of sockets) socket.destroy()
    process.send?.({ operations })
  }, millis)
})
process.send?.({ ready: true })
