-- Make a state the base. ARGV: epoch, its version, state, windows. Gives 1; 0 when somebody has gone further meanwhile.
if not of_this_life() then
    return LOST
end
local at = tonumber(ARGV[2])
local version, base, held = standing()
if version < at then
    return LOST
end
if base > at then
    return 0
end
if not held then
    redis.call('DEL', KEYS[2], KEYS[3])
    redis.call('HSET', KEYS[2], 'e', ARGV[1], 'v', 0)
end
redis.call('HSET', KEYS[2], 'bv', ARGV[2], 's', ARGV[3], 'f', ARGV[4])
redis.call('LTRIM', KEYS[3], at - base, -1)
return 1
