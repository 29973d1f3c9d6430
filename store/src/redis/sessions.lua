-- Reads a user's leases that have not ended.
--
-- KEYS    1 sessions: lease by its end, in milliseconds since 1970 by this server's time
-- Result  {lease, …}

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call('ZRANGE', KEYS[1], '(' .. now, '+inf', 'BYSCORE')
