-- Reads what a step needs of one user.
--
-- KEYS    as in lookup.lua
-- ARGV    as in lookup.lua, from 1
-- Result  as in lookup.lua

return lookup(1)
