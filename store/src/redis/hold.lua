-- Takes or renews a lane, unless another node holds it.
--
-- KEYS    1 the lane's holder
-- ARGV    1 the node, 2 milliseconds from now to the end of the lease
-- Result  1 if the node holds the lane now, else 0

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
