-- Removes a subscription's state and history. A tombstone stays for a while, as in drop.lua.
--
-- KEYS  1 subscription hash  2 set of subscriptions  3 hour  4 week
-- ARGV  1 uuid of the subscription
--       2 how long the tombstone stays, seconds
--       3 wake-up channel
--       4 uuid of the topic
-- Returns 1, or 0 if it had no state.

go_on_when_full(KEYS[1])
local had_state = redis.call('SREM', KEYS[2], ARGV[1])
redis.call('UNLINK', KEYS[1], KEYS[3], KEYS[4])
redis.call('HSET', KEYS[1], 'epoch', digits(DELETED))
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return had_state
