-- Tells how pushing a subscription fares; changes nothing.
--
-- KEYS  1 subscription hash
-- Returns {uuid of the worker that has the right to push, '' for none; messages accepted; requests
-- accepted; requests failed; retries; latency, microseconds; time of the last accepted request,
-- microseconds, 0 = there was none; why the last request failed, '' if it did not; when, likewise}.

local pushed, requests, failures, retries, latency, last_push, error_time = numbers(KEYS[1], 'pushed',
  'push_requests', 'push_failures', 'push_retries', 'push_latency', 'last_push', 'push_error_time')
local holder = string.match(redis.call('HGET', KEYS[1], 'pusher') or '', '^[^:]*')
return {holder, pushed, requests, failures, retries, latency, last_push,
  redis.call('HGET', KEYS[1], 'push_error') or '', error_time}
