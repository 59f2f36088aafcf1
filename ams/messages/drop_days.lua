-- Removes what is left of a topic that was dropped: the messages it had a day.
--
-- KEYS  1 days
-- Returns 1, or 0 if there was nothing left.

return redis.call('UNLINK', KEYS[1])
