-- Stamp a bucket with a new life. A bucket of this life or a later one is not begun again.
local stamp = redis.call('GET', KEYS[1])
if stamp and tonumber(stamp) >= tonumber(ARGV[1]) then
    return LOST
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
