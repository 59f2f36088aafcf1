-- Notes that a round of sampling has seen everything.
--
-- KEYS  1 rounds, as in begin_round.lua
-- ARGV  1 minute of the round
-- Returns 1.

go_on_when_full(KEYS[1])
redis.call('HSET', KEYS[1], 'done', ARGV[1])
return 1
