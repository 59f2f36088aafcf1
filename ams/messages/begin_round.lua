-- Takes this minute's round of sampling, unless somebody has it.
--
-- KEYS  1 rounds: a hash of the minutes, since 1970, of the round that was `begun` last and of the
--         one that was `done` last, that is, which has seen everything
-- Returns {this minute, or 0 if somebody has it; the minute done last, 0 = there is none;
-- microseconds until the next minute}.

local now = now_microseconds()
local minute = math.floor(now / 60000000)
local begun, done = numbers(KEYS[1], 'begun', 'done')
local left = (minute + 1) * 60000000 - now
if begun == minute then
  return {0, done, left}
end
go_on_when_full(KEYS[1])
redis.call('HSET', KEYS[1], 'begun', digits(minute))
return {minute, done, left}
