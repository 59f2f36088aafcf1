-- Tells up to when there are samples.
--
-- KEYS  1 rounds, as in begin_round.lua
-- Returns {this minute, the minute done last, 0 = there is none}.

return {math.floor(now_microseconds() / 60000000), (numbers(KEYS[1], 'done'))}
