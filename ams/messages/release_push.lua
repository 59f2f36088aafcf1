-- Gives back the right to push a subscription, if the worker has it.
--
-- KEYS  1 subscription hash
-- ARGV  1 uuid of the worker
--       2 channel on which to tell who may take it: "subscription worker", who has given it back
--       3 uuid of the subscription
-- Returns 1, or 0 if the worker had no such right.

go_on_when_full(KEYS[1])
if string.match(redis.call('HGET', KEYS[1], 'pusher') or '', '^[^:]*') ~= ARGV[1] then
  return 0
end
redis.call('HDEL', KEYS[1], 'pusher')
redis.call('PUBLISH', ARGV[2], ARGV[3] .. ' ' .. ARGV[1])
return 1
