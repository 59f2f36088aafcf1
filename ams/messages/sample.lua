-- Takes a sample of a topic or a subscription for its history: of two numbers of its hash that tell
-- everything about it, `next` and `first` of a topic, `messages` and `offset` of a subscription.
--
-- A sample is 16 bytes: number of its step since 1970 (4 bytes, big-endian), and the two numbers
-- (6 bytes each). `hour` has steps of a minute, `week` of ten minutes; a step's sample is that of
-- the first round in it, so it tells how things were as the step began. Numbers that are as they
-- were are not written again. So between two samples with the same numbers nothing has happened;
-- between others there was no round: a gap. Before the first sample the numbers were 0 and ARGV 4
-- if the first round that found others could say so; else it is not known.
--
-- KEYS  1 hash  2 hour  3 week
-- ARGV  1 minute of this round, since 1970
--       2 minute of the last round before it that saw everything, 0 = there was none
--       3 'topic' or 'subscription': which it is
--       4 the second number, if the hash has none
-- Returns 1, or 0 if there is no such hash or it is a tombstone.

-- How many steps back samples are kept. What is read ends up to a step ago, or up to an hour.
local HOUR, WEEK = 60 + 2, 7 * 144 + 7

local format = '>I4I6I6'

local function push(list, step, a, b)
  redis.call('RPUSH', list, struct.pack(format, step, a, b))
end

local function sample(list, minutes, keep, a, b, start)
  local step = math.floor(tonumber(ARGV[1]) / minutes)
  local seen = math.floor(tonumber(ARGV[2]) / minutes)
  local last = redis.call('LINDEX', list, -1)
  local last_step, last_a, last_b = 0, 0, start
  if last then
    last_step, last_a, last_b = struct.unpack(format, last)
  end
  if step <= seen or step <= last_step then
    return
  end
  if a ~= last_a or b ~= last_b then
    if seen > last_step then
      push(list, seen, last_a, last_b)
    end
    push(list, step, a, b)
  end
  -- One that is older than all that is wanted must stay: it tells how things were from then on.
  local second = redis.call('LINDEX', list, 1)
  while second and struct.unpack(format, second) <= step - keep do
    redis.call('LPOP', list)
    second = redis.call('LINDEX', list, 1)
  end
end

local start = tonumber(ARGV[4])
local epoch, a, b
if ARGV[3] == 'topic' then
  local state = state_of(KEYS[1])
  epoch, a, b = state.epoch, state.next, state.first
else
  local values = redis.call('HMGET', KEYS[1], 'epoch', 'messages', 'offset')
  epoch, a, b = tonumber(values[1] or 0), tonumber(values[2] or 0), tonumber(values[3] or start)
end
if epoch == 0 or epoch == DELETED then
  return 0
end
go_on_when_full(KEYS[1])
sample(KEYS[2], 1, HOUR, a, b, start)
sample(KEYS[3], 10, WEEK, a, b, start)
return 1
