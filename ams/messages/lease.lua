-- Takes a lease, unless somebody has it. It ends by itself.
--
-- KEYS  1 the lease: a string that is there as long as somebody has it
-- ARGV  1 how long it lasts, milliseconds
-- Returns 1, or 0 if somebody has it.

if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
go_on_when_full(KEYS[1])
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
