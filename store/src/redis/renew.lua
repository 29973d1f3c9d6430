-- Makes or renews leases of a user's sessions, and removes those that ended.
--
-- KEYS    1 sessions: lease by its end, in milliseconds since 1970 by this server's time
-- ARGV    1 milliseconds from now to the end, 2… the leases
-- Result  1

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local ends = string.format('%.0f', now + tonumber(ARGV[1]))
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], ends, ARGV[i])
end
local latest = redis.call('ZRANGE', KEYS[1], 0, 0, 'REV', 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[1], latest)
return 1
