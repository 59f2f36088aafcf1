-- Moves a subscription to the end of the log, and forgets the batch that awaits acknowledgement.
--
-- KEYS  1 topic hash  2 subscription hash  3 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
-- Returns how many messages it skipped, or STALE.

local sub = KEYS[2]
go_on_when_full(sub)
local offset, _, _, next_ =
  open_subscription(KEYS[1], sub, KEYS[3], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
if not offset then
  return STALE
end
redis.call('HSET', sub, 'offset', digits(next_), 'next_offset', '0', 'pending_ack', '0')
redis.call('HDEL', sub, 'push_end')
return next_ - offset
