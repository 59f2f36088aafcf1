-- Says that a worker is there to push, or no longer, and who else is.
--
-- KEYS  1 hash of the workers: by uuid what `live_pusher` reads
-- ARGV  1 uuid of the worker
--       2 how long it counts as alive from now on, milliseconds; 0 if it is gone
--       3 1 if it takes subscriptions, else 0
--       4 its endpoint
--       5 channel that is told of workers that came, changed or went
-- Returns per worker that is alive: uuid, shares, endpoint.

go_on_when_full(KEYS[1])
local now = now_microseconds()
local all, shares = {}, {}
local changed = false
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local shares_, endpoint = live_pusher(stored[i + 1], now)
  if not shares_ then
    redis.call('HDEL', KEYS[1], stored[i])
    changed = true
  else
    shares[stored[i]] = shares_
    if stored[i] ~= ARGV[1] then
      all[#all + 1] = stored[i]
      all[#all + 1] = shares_
      all[#all + 1] = endpoint
    end
  end
end

if ARGV[2] == '0' then
  changed = changed or shares[ARGV[1]] ~= nil
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  changed = changed or shares[ARGV[1]] ~= ARGV[3]
  local lease = tonumber(ARGV[2]) * 1000
  redis.call('HSET', KEYS[1], ARGV[1],
    digits(now + lease) .. ' ' .. digits(lease) .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
  all[#all + 1] = ARGV[1]
  all[#all + 1] = ARGV[3]
  all[#all + 1] = ARGV[4]
end
if changed then
  redis.call('PUBLISH', ARGV[5], '')
end
return all
