-- Reads a list of samples.
--
-- KEYS  1 hour or week, of a topic or a subscription
-- Returns the samples, oldest first, one behind the other: see sample.lua.

return table.concat(redis.call('LRANGE', KEYS[1], 0, -1))
