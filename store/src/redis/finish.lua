-- Removes entries of a lane that are done, and keeps those that could not be made for the operator.
--
-- KEYS    1 the lane's stream, 2 the stream of dead entries
-- ARGV    1 how many dead ones are kept, 2 how many there are now, then these, then the ids of all that are done
-- Result  1

local last_dead = 2 + tonumber(ARGV[2])
for i = 3, last_dead do
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', 'entry', ARGV[i])
end
if #ARGV > last_dead then
  redis.call('XDEL', KEYS[1], unpack(ARGV, last_dead + 1))
end
return 1
