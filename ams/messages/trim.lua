-- Removes messages past the retention from a topic's log.
--
-- KEYS  1 log  2 topic hash
-- ARGV  1 retention, microseconds, 0 = for ever
--       2 retention, bytes, 0 = no limit
--       3 the most messages to remove
-- Returns how many were removed; 0 if nothing is past the retention.

go_on_when_full(KEYS[2])
return trim(KEYS[1], KEYS[2], now_microseconds(),
  tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
