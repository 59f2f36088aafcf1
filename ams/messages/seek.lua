-- Moves a subscription to an offset, and forgets the batch that awaits acknowledgement.
--
-- KEYS  1 topic hash  2 subscription hash  3 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
--       4 the offset to move to, from the oldest kept to the end of the log
--       5 wake-up channel
--       6 uuid of the topic
-- Returns 1; 0 if the offset is out of bounds (nothing changes then); or STALE.

go_on_when_full(KEYS[2])
local offset, _, first, next_ =
  open_subscription(KEYS[1], KEYS[2], KEYS[3], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
if not offset then
  return STALE
end
local target = tonumber(ARGV[4])
if target < first or target > next_ then
  return 0
end
redis.call('HSET', KEYS[2], 'offset', digits(target), 'next_offset', '0', 'pending_ack', '0')
redis.call('HDEL', KEYS[2], 'push_end')
-- A pull that waits at the end has messages to deliver once its subscription moved back.
local state = state_of(KEYS[1])
if target < next_ and state.waiting == 1 then
  state.waiting = 0
  put_state(KEYS[1], state)
  redis.call('PUBLISH', ARGV[5], ARGV[6])
end
return 1
