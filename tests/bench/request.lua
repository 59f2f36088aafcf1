-- What wrk sends: one POST again and again.
-- TOKEN, BODY (a file) and TOPICS come from the environment; with TOPICS = n each request goes to
-- one of n topics, by turns.

local file = io.open(os.getenv('BODY'), 'rb')
local body = file:read('*a')
file:close()
local headers = {['x-api-key'] = os.getenv('TOKEN')}
local topics = tonumber(os.getenv('TOPICS') or '0')
local turn = 0

function init()
  wrk.method, wrk.body, wrk.headers = 'POST', body, headers
  wrk.headers['Host'] = wrk.host
end

function request()
  if topics > 0 then
    -- A stride without a common factor: neighbours in time are not neighbours in name.
    turn = (turn + 7919) % topics
    return wrk.format(nil, (string.gsub(wrk.path, 'TURN', tostring(turn))))
  end
  return wrk.format()
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('requests %d\nmicroseconds %d\nerrors %d\n', summary.requests,
    summary.duration, errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
