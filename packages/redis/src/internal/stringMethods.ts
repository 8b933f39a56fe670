/**
 * What loading ioredis 6 does to every string of the process, undone.
 *
 * It has a class that extends String. V8 then keeps `String.prototype` as a dictionary, from which no method is inlined:
 * `charCodeAt` in a loop takes five times as long, whoever calls it. V8 gives it its fast form back where a load that is
 * repeated finds it as the prototype of an object.
 *
 * @see https://github.com/redis/ioredis/blob/v6.0.0/lib/resp/verbatim-string.ts
 */

// V8 begins to watch a load after some eight calls.
const enough = 100

const load = ({ length }: ArrayLike<string>) => length

/** Makes the methods of strings fast again. It takes a few microseconds. */
export const restore = (): void => {
  const string = new String("")
  for (let times = 0; times < enough; times++) load(string)
}
