-- Puts an entry into a lane, unless that has too many or too old ones.
--
-- KEYS    1 the lane's stream
-- ARGV    1 the entry, 2 entries at most, 3 milliseconds that the oldest may have waited, 4 the channel of wakes
-- Result  1, or 0 if the lane is full

local waiting = redis.call('XLEN', KEYS[1])
if waiting >= tonumber(ARGV[2]) then
  return 0
end
if waiting > 0 then
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]
  local time = redis.call('TIME')
  local age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(string.match(oldest, '^%d+'))
  if age > tonumber(ARGV[3]) then
    return 0
  end
end
redis.call('XADD', KEYS[1], '*', 'entry', ARGV[1])
if waiting == 0 then
  redis.call('SPUBLISH', ARGV[4], '')
end
return 1
