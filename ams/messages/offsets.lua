-- Tells a subscription's offset and the bounds within which it may be moved.
--
-- KEYS  1 topic hash  2 subscription hash  3 set of subscriptions
-- ARGV  1 epoch of the subscription
--       2 offset to start at if the subscription is new here
--       3 uuid of the subscription
-- Returns {current, oldest kept, end of the log}, or STALE.

go_on_when_full(KEYS[2])
local offset, _, first, next_ =
  open_subscription(KEYS[1], KEYS[2], KEYS[3], ARGV[3], tonumber(ARGV[1]), tonumber(ARGV[2]))
if not offset then
  return STALE
end
return {offset, first, next_}
