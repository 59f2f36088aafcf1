-- Makes scripts refuse metadata of a topic that is older than `epoch`.
--
-- KEYS  1 topic hash
-- ARGV  1 epoch
-- Returns 1, or 0 if the hash knows this epoch or a newer one already.

go_on_when_full(KEYS[1])
if numbers(KEYS[1], 'epoch') >= tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
return 1
