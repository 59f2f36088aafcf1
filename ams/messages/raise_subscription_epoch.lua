-- Makes scripts refuse metadata of a subscription that is older than `epoch`.
--
-- KEYS  1 topic hash  2 subscription hash  3 set of subscriptions
-- ARGV  1 epoch
--       2 uuid of the subscription
-- Returns 1, or 0 if the hash knows this epoch or a newer one already, or the topic is dropped.

go_on_when_full(KEYS[2])
if state_of(KEYS[1]).epoch == DELETED or numbers(KEYS[2], 'epoch') >= tonumber(ARGV[1]) then
  return 0
end
redis.call('SADD', KEYS[3], ARGV[2])
redis.call('HSET', KEYS[2], 'epoch', ARGV[1])
return 1
