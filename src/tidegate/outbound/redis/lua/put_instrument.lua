-- Put an instrument in its place unless newer news of it stands. KEYS: instruments, ages, revision.
-- ARGV: symbol, age, instrument. Gives {1 when it stands, revision before, revision now}.
local revision = revision_at(KEYS[3])
local age = redis.call('HGET', KEYS[2], ARGV[1])
if age and tonumber(age) > tonumber(ARGV[2]) then
    return {0, revision, revision}
end
if age == ARGV[2] and redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[3] then
    return {1, revision, revision}
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return {1, revision, redis.call('INCR', KEYS[3])}
