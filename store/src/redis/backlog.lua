-- How much waits in a lane.
--
-- KEYS    1 the lane's stream
-- Result  entries, and for how many milliseconds the oldest has waited

local waiting = redis.call('XLEN', KEYS[1])
if waiting == 0 then
  return {0, 0}
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]
local time = redis.call('TIME')
local age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(string.match(oldest, '^%d+'))
return {waiting, math.max(age, 0)}
