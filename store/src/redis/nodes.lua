-- Says that a node lives, and counts those that do.
--
-- KEYS    1 nodes by the end of their lease, in milliseconds since 1970 by this server's time
-- ARGV    1 the node, 2 milliseconds from now to the end of its lease
-- Result  how many nodes live

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
return redis.call('ZCARD', KEYS[1])
