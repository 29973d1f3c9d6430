-- Gives a lane up.
--
-- KEYS    1 the lane's holder
-- ARGV    1 the node
-- Result  1 if it held the lane, else 0

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
