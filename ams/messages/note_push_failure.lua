-- Counts a request that a receiver did not accept, and keeps why.
--
-- KEYS  1 subscription hash
-- ARGV  1 the right to push by which it was sent
--       2 why it failed
--       3 1 if it followed another one that failed, else 0
-- Returns 1, or LOST.

go_on_when_full(KEYS[1])
if is_lost(KEYS[1], ARGV[1]) then
  return LOST
end
redis.call('HINCRBY', KEYS[1], 'push_failures', 1)
redis.call('HINCRBY', KEYS[1], 'push_retries', ARGV[3])
redis.call('HSET', KEYS[1], 'push_error', ARGV[2], 'push_error_time', digits(now_microseconds()))
return 1
