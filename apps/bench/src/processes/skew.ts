/** Sets this process's clock wrong, before anything has looked at it. */
const [, , , , skew = "0"] = process.argv
const now = Date.now
Date.now = () => now() + Number(skew)
