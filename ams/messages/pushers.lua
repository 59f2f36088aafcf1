-- Tells which workers are there to push; changes nothing.
--
-- KEYS  1 hash of the workers: by uuid what `live_pusher` reads
-- Returns per worker that is alive: uuid, shares, endpoint.

local now = now_microseconds()
local all = {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local shares, endpoint = live_pusher(stored[i + 1], now)
  if shares then
    all[#all + 1] = stored[i]
    all[#all + 1] = shares
    all[#all + 1] = endpoint
  end
end
return all
