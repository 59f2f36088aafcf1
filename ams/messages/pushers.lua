-- Tells which workers are there to push; changes nothing.
--
-- KEYS  1 hash of the workers: see meet_pushers.lua
-- Returns per worker that is alive: uuid, shares, endpoint.

local now = now_microseconds()
local all = {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local expiry, shares, endpoint = string.match(stored[i + 1], '^(%d+) (%d) (.*)$')
  if tonumber(expiry) > now then
    all[#all + 1] = stored[i]
    all[#all + 1] = shares
    all[#all + 1] = endpoint
  end
end
return all
